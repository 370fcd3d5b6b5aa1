"""Events of decisions of the queue, in the same transaction: a new dead letter, a paused connection."""

from typing import Any, Final

import msgspec

from app.events.models import NewEvent
from app.events.store import deliveries, subscriptions
from app.events.store.events import PostgresEvents
from app.postgres.database import Statement, Transaction
from app.queue.models import INTERNAL, BlockedReason, DeadLetter, Enqueuer

DEAD_LETTER_CREATED: Final = "dead_letter.created"
CONNECTION_PAUSED: Final = "connection.paused"

SELECT_TYPE = Statement("SELECT event", "SELECT type FROM event WHERE id = $1")


class QueueEvents:
    """Implements `queue.models.Announcer`. Its Events have no order key: the caller already holds the lock of a key and
    must not wait for another."""

    def __init__(self, events: PostgresEvents, queue: Enqueuer) -> None:
        self._events = events
        self._queue = queue

    async def dead_letter_created(self, transaction: Transaction, dead_letter: DeadLetter) -> None:
        """Append `dead_letter.created`, and mark the delivery of a dead `deliver` job as dead.

        A dead delivery of `dead_letter.created` appends none: each would cause the next. One to a deleted subscription
        is discarded.
        """
        if dead_letter.kind == deliveries.KIND:
            if dead_letter.dedupe_key is not None:
                await deliveries.give_up(transaction, dead_letter.dedupe_key, dead_letter.reason)
            to_subscription = dead_letter.connection.startswith("sub_")
            if to_subscription and await subscriptions.discard_if_deleted(transaction, dead_letter.connection):
                return
            if not await _delivered_another_type(transaction, dead_letter.origin):
                return
        connection = None if dead_letter.connection == INTERNAL else dead_letter.connection
        data = {
            "id": dead_letter.id,
            "kind": dead_letter.kind,
            "connection": connection,
            "category": dead_letter.category,
            "reason": dead_letter.reason,
            "path": dead_letter.path,
            "mapping": dead_letter.mapping,
            "revision": dead_letter.revision,
            "attempts": dead_letter.attempts,
            "correlation_id": dead_letter.correlation_id,
            "created_at": dead_letter.created_at,
            "href": f"/ops/dead-letters/{dead_letter.id}",
        }
        await self._announce(
            transaction,
            NewEvent(
                type=DEAD_LETTER_CREATED,
                data=msgspec.json.encode(data),
                connection=connection,
                origin=dead_letter.id,
                correlation_id=dead_letter.correlation_id,
            ),
        )

    async def connection_paused(
        self, transaction: Transaction, connection: str, why: BlockedReason, *, note: str
    ) -> None:
        """Append `connection.paused`. `note` is the operator's, or the vendor's answer."""
        data: dict[str, Any] = {"connection": connection, "why": why, "note": note}
        await self._announce(
            transaction, NewEvent(type=CONNECTION_PAUSED, data=msgspec.json.encode(data), connection=connection)
        )

    async def _announce(self, transaction: Transaction, event: NewEvent) -> None:
        await self._queue.enqueue(transaction, *await self._events.append(transaction, event))


async def _delivered_another_type(transaction: Transaction, event_id: str | None) -> bool:
    """Return whether a delivery was of another type than `dead_letter.created`. False if its event no longer exists."""
    delivered = await transaction.fetch_value(SELECT_TYPE, event_id)
    return delivered is not None and delivered != DEAD_LETTER_CREATED
