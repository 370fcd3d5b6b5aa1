"""What flows write into the audit trail themselves."""

from app import telemetry
from app.audit import record
from app.audit.models import Fact
from app.postgres.database import Transaction


class PostgresTrail:
    """`event_ports.Trail` on PostgreSQL."""

    async def append(self, transaction: Transaction, *facts: Fact) -> None:
        """Add them, in this order."""
        run = telemetry.correlation_id.get() or None
        await record.append_all(
            transaction,
            [
                record.Entry(
                    type=fact.type, subject=fact.subject, actor=fact.actor, correlation_id=run, facts=fact.facts
                )
                for fact in facts
            ],
        )
