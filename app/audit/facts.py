"""The audit trail as the other capabilities write it."""

from app import telemetry
from app.audit import record
from app.audit.models import Fact
from app.postgres.database import Transaction


class PostgresTrail:
    """`Trail` on PostgreSQL."""

    async def append(self, transaction: Transaction, *facts: Fact) -> None:
        """Add facts, in this order, with the correlation id of the current run."""
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
