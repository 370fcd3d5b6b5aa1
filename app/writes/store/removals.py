"""What the copies of each consumer remove, and how often they write a record. One that removes too much is paused: a
source that lost its data must not empty other systems. So is one that writes a record again and again: two systems that
each change what the other wrote must not do so for ever."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from app.audit.record import Entry, append
from app.postgres.database import Database, Statement, Transaction
from app.writes.copy_models import PausedFor
from canonical.parts import Link, ObjectName

MOST_REMOVALS: Final = 20
"""Values that the copies of one consumer may clear or remove within an hour."""

HOLD = Statement("INSERT consumer", "INSERT INTO consumer (name) VALUES ($1) ON CONFLICT DO NOTHING")
LOCK = Statement(
    "SELECT consumer",
    """
    SELECT paused_at IS NOT NULL AS is_paused, coalesce(released_until > now(), false) AS is_released
      FROM consumer
     WHERE name = $1
       FOR UPDATE
    """,
)
FORGET = Statement(
    "DELETE copy_removal",
    "DELETE FROM copy_removal WHERE consumer = $1 AND (operation = $2 OR at < now() - interval '1 hour')",
)
# A write that failed has removed nothing. Each of its later attempts is another operation.
COUNT = Statement(
    "SELECT copy_removal",
    """
    SELECT coalesce(sum(number), 0)::bigint
      FROM copy_removal
     WHERE consumer = $1
       AND EXISTS (SELECT FROM operation
                    WHERE operation.id = copy_removal.operation AND operation.outcome IS DISTINCT FROM 'failed')
    """,
)
NOTE = Statement("INSERT copy_removal", "INSERT INTO copy_removal (operation, consumer, number) VALUES ($1, $2, $3)")
PAUSE = Statement(
    "UPDATE consumer", "UPDATE consumer SET paused_at = now(), paused_for = $2 WHERE name = $1 AND paused_at IS NULL"
)
WRITTEN = Statement(
    "SELECT operation",
    """
    SELECT count(*)
      FROM operation
     WHERE connection = $2 AND object = $3 AND remote_id = $4 AND copied_pair IS NOT NULL
       AND principal = 'consumer:' || $1::text
       AND sent_at > now() - interval '1 minute'
       AND sent_at > coalesce((SELECT resumed_at FROM consumer WHERE name = $1), '-infinity')
    """,
)
IS_PAUSED = Statement("SELECT consumer", "SELECT paused_at IS NOT NULL FROM consumer WHERE name = $1")
LIST = Statement(
    "SELECT consumer",
    "SELECT name, paused_at, paused_for, released_until FROM consumer WHERE name = ANY ($1::text[])",
)
RELEASE = Statement(
    "UPDATE consumer",
    """
    UPDATE consumer
       SET paused_at = NULL, resumed_at = now(),
           released_until = CASE paused_for WHEN 'removals' THEN now() + interval '1 hour' ELSE released_until END
     WHERE name = $1 AND paused_at IS NOT NULL
    """,
)


class ConsumerPause(Struct, frozen=True, kw_only=True):
    """Since when a consumer is paused, why it was paused last, and until when the limit of removals is lifted."""

    name: str
    paused_at: datetime | None
    paused_for: PausedFor
    released_until: datetime | None


class PostgresRemovals:
    """The store of removals, and of the consumers that are paused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, consumer: str, operation: str, number: int) -> bool:
        """Return whether a write of a consumer may remove so many values now. If not, the consumer is paused, which is
        audited."""
        async with self._database.transaction() as transaction:
            await transaction.execute(HOLD, consumer)
            row = await transaction.fetch_row(LOCK, consumer)
            assert row is not None  # noqa: S101 - it is there now
            if row["is_paused"]:
                return False
            await transaction.execute(FORGET, consumer, operation)
            removed: int = await transaction.fetch_value(COUNT, consumer)
            if removed + number > MOST_REMOVALS and not row["is_released"]:
                facts = {"removed": removed, "refused": number, "per_hour": MOST_REMOVALS}
                await self._pause(transaction, consumer, "removals", facts)
                return False
            await transaction.execute(NOTE, operation, consumer, number)
        return True

    async def may_write(self, consumer: str, record: Link, object_name: ObjectName, *, per_minute: int) -> bool:
        """Return whether a consumer may write a record once more within a minute. If not, the consumer is paused, which
        is audited."""
        place = (record.connection, object_name, record.remote_id)
        written: int = await self._database.fetch_value(WRITTEN, consumer, *place)
        if written < per_minute:
            return True
        async with self._database.transaction() as transaction:
            await transaction.execute(HOLD, consumer)
            facts = {"record": f"{object_name}:{record.remote_id}", "written": written, "per_minute": per_minute}
            await self._pause(transaction, consumer, "loop", facts)
        return False

    async def _pause(
        self, transaction: Transaction, consumer: str, why: PausedFor, facts: Mapping[str, object]
    ) -> None:
        if await transaction.execute(PAUSE, consumer, why):
            facts = {**facts, "because": why}
            await append(transaction, Entry(type="consumer.paused", subject=consumer, actor="lockstitch", facts=facts))

    async def is_paused(self, consumer: str) -> bool:
        """Return whether the consumer is paused until an operator resumes it."""
        return bool(await self._database.fetch_value(IS_PAUSED, consumer))

    async def pauses(self, consumers: Collection[str]) -> dict[str, ConsumerPause]:
        """Return what is known of these consumers; nothing of one that never removed anything."""
        rows = await self._database.fetch(LIST, list(consumers))
        return {row["name"]: ConsumerPause(**row) for row in rows}

    async def resume(self, consumer: str, *, actor: str) -> None:
        """Resume a consumer. What stopped it counts anew, and nothing limits what it removes for an hour if that did.
        Audited. Does nothing if it is not paused."""
        async with self._database.transaction() as transaction:
            if await transaction.execute(RELEASE, consumer):
                fact = Entry(type="consumer.resumed", subject=consumer, actor=actor, facts={})
                await append(transaction, fact)
