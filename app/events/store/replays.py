"""Deliveries of a subscription: how they stand, and which Events to deliver again."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.events.models import Backlog, DeliveryStanding, Event, ListedDelivery
from app.events.store.deliveries import KIND, PostgresDeliveries
from app.events.store.subscriptions import note
from app.postgres.database import Database, Statement, Transaction
from app.queue.models import NewJob

COUNTED: Final = 10_000
LOOKED_AT: Final = 1_000
"""How many of the oldest waiting deliveries are searched for failed attempts."""

# The key of a job is the id of its delivery, so keys are in order of time.

# A deletion of the subscription waits for this lock.
SELECT_WANTING = Statement(
    "SELECT subscription", "SELECT id AS subscription, fields FROM subscription WHERE id = $1 FOR KEY SHARE"
)

SELECT_WAITING = Statement(
    "SELECT delivery",
    "SELECT event FROM delivery WHERE event = ANY ($2::text[]) AND subscription = $1 AND state = 'pending'",
)

JOBS: Final = f"kind = '{KIND}' AND connection = {{}} AND dedupe_key IS NOT NULL ORDER BY dedupe_key"
SELECT_BACKLOGS = Statement(
    "SELECT job",
    f"""
    SELECT wanted.id,
           (SELECT count(*) FROM (SELECT FROM job WHERE {JOBS.format("wanted.id")} LIMIT $2) AS few) AS waiting,
           (SELECT created_at FROM job WHERE {JOBS.format("wanted.id")} LIMIT 1) AS oldest_at,
           (SELECT count(*)
              FROM (SELECT FROM dead_letter
                     WHERE connection = wanted.id AND kind = '{KIND}' AND state = 'open'
                     ORDER BY dead_letter.id
                     LIMIT $2) AS few) AS dead,
           (SELECT last_error
              FROM (SELECT dedupe_key FROM job WHERE {JOBS.format("wanted.id")} LIMIT {LOOKED_AT}) AS oldest
              JOIN delivery ON delivery.id = dedupe_key
             WHERE last_error IS NOT NULL
             ORDER BY dedupe_key
             LIMIT 1) AS last_error
      FROM unnest($1::text[]) AS wanted (id)
    """,  # noqa: S608
)

LISTED: Final = """
       delivery.id, event, delivery.state, delivery.attempts, last_status, last_error, delivery.created_at, ended_at
"""

SELECT_FAILING = Statement(
    "SELECT delivery",
    f"""
    SELECT {LISTED}
      FROM (SELECT dedupe_key FROM job WHERE {JOBS.format("$1")} LIMIT {LOOKED_AT}) AS job
      JOIN delivery ON delivery.id = job.dedupe_key
     WHERE last_error IS NOT NULL
     ORDER BY delivery.id
     LIMIT $2
    """,  # noqa: S608
)

SELECT_NEWEST = Statement(
    "SELECT delivery",
    f"SELECT {LISTED} FROM delivery WHERE subscription = $1 ORDER BY delivery.created_at DESC LIMIT $2",  # noqa: S608
)


class PostgresReplays:
    """The store of what was delivered, and is delivered again."""

    def __init__(self, database: Database, deliveries: PostgresDeliveries) -> None:
        self._database = database
        self._deliveries = deliveries

    async def repeat(
        self, transaction: Transaction, subscription_id: str, events: Sequence[Event], *, actor: str
    ) -> Sequence[NewJob]:
        """Add a delivery of each Event that does not wait already, and return the jobs that make them. Audited."""
        row = await transaction.fetch_row(SELECT_WANTING, subscription_id)
        left = [] if row is None else await self._not_waiting(transaction, subscription_id, events)
        if row is None or not left:
            return ()
        await note(
            *(transaction, "subscription.replayed", subscription_id),
            actor=actor,
            first=left[0].id,
            last=left[-1].id,
            events=len(left),
        )
        return await self._deliveries.fan_out(transaction, [(event, row) for event in left])

    async def not_waiting(self, subscription_id: str, events: Sequence[Event]) -> Sequence[Event]:
        """Return the Events of which no delivery to the subscription waits."""
        return await self._not_waiting(self._database, subscription_id, events)

    async def _not_waiting(
        self, session: Database | Transaction, subscription_id: str, events: Sequence[Event]
    ) -> Sequence[Event]:
        rows = await session.fetch(SELECT_WAITING, subscription_id, [event.id for event in events])
        waiting = {row["event"] for row in rows}
        return [event for event in events if event.id not in waiting]

    async def backlogs(self, subscription_ids: Sequence[str], *, most: int) -> Mapping[str, Backlog]:
        """Return the backlog of each subscription, counted up to `most`."""
        rows = await self._database.fetch(SELECT_BACKLOGS, list(subscription_ids), most)
        return {row["id"]: msgspec.convert(dict(row), Backlog) for row in rows}

    async def standing(self, subscription_id: str, *, limit: int) -> DeliveryStanding:
        """Return what waits for a subscription, what failed, and its newest deliveries."""
        backlog = (await self.backlogs([subscription_id], most=COUNTED))[subscription_id]
        failing = await self._database.fetch(SELECT_FAILING, subscription_id, limit)
        newest = await self._database.fetch(SELECT_NEWEST, subscription_id, limit)
        return DeliveryStanding(
            **msgspec.structs.asdict(backlog),
            failing=[msgspec.convert(dict(each), ListedDelivery) for each in failing],
            newest=[msgspec.convert(dict(each), ListedDelivery) for each in newest],
        )
