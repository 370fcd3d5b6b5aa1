"""What flows write into the audit trail themselves."""

from app import telemetry
from app.event_ports import Fact
from app.queue_ports import Transaction
from app.store import audit


class PostgresTrail:
    """`event_ports.Trail` on PostgreSQL."""

    async def append(self, transaction: Transaction, *facts: Fact) -> None:
        """Add them, in this order."""
        run = telemetry.correlation_id.get() or None
        await audit.append_all(
            transaction,
            [
                audit.Entry(
                    type=fact.type, subject=fact.subject, actor=fact.actor, correlation_id=run, facts=fact.facts
                )
                for fact in facts
            ],
        )
