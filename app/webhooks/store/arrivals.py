"""Arrivals: record webhooks and enqueue their jobs in one statement. Those that arrive together share a transaction."""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Final

import asyncpg

from app.audit import record as audit
from app.errors import StoreUnavailable
from app.identifiers import new_id
from app.postgres.batching import Batcher, Process
from app.postgres.database import Database, Session, Statement
from app.postgres.encryption import Sealer
from app.postgres.listen import CHANNEL
from app.queue import enqueue
from app.queue.models import JobPolicy, NewJob
from app.webhooks.models import Arrival, NewReceipt, Record
from app.webhooks.store import receipts

NUMBERS_AT_ONCE: Final = 256
NUMBERS_OF_JOBS: Final = "job_pkey"

NEW: Final = "entry.subject IN (SELECT id FROM recorded UNION ALL SELECT 'job_' || id FROM added)"

# Receipts come first, and only new ones get jobs. If any is new, workers are notified once.
RECORD = Statement(
    "INSERT inbound_event",
    f"""
    WITH recorded AS (
        {receipts.ADD}
    ), new AS (
        {enqueue.new_text(first=11, where="new.origin IN (SELECT id FROM recorded)")}
    ), added AS (
        {enqueue.ADD}
    ), noted AS (
        {audit.insert_text(first=25, where=NEW)}
    )
    SELECT id, (SELECT pg_notify('{CHANNEL}', '')) FROM recorded
    """,  # noqa: S608 - no caller's text is in it
)


class PostgresArrivals:
    """Record arrivals. If no order key must be locked, the one statement is the whole transaction.

    Its jobs are then numbered beforehand, because jobs without an order need no exact sequence.
    """

    def __init__(self, database: Database, sealer: Sealer, policies: Mapping[str, JobPolicy]) -> None:
        self._database = database
        self._sealer = sealer
        self._jobs = enqueue.JobIntake(sealer, policies)
        self._numbers: deque[int] = deque()
        self._numbered_at = database.openings

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[Record]:
        """Yield the function that records. It keeps its connection between calls, because acquiring one costs half as
        much as the statement. After a failure it acquires another."""
        lent, session = AsyncExitStack(), None

        async def record(arrivals: Sequence[Arrival]) -> Sequence[bool]:
            nonlocal session
            try:
                if session is None:
                    session = await lent.enter_async_context(self._database.acquire())
                return await self._record(session, arrivals)
            except BaseException:
                session = None
                self._numbers.clear()
                await give_back()
                raise

        async def give_back() -> None:
            with suppress(StoreUnavailable):  # the records are committed already
                await lent.aclose()

        try:
            yield record
        finally:
            await give_back()

    async def _record(self, session: Session, arrivals: Sequence[Arrival]) -> Sequence[bool]:
        first: dict[receipts.Key, Arrival] = {}
        for arrival in arrivals:
            first.setdefault(receipts.key_of(arrival.receipt), arrival)
        ids = {key: new_id("in_") for key in first}
        fresh = [(id, first[key].receipt) for key, id in ids.items()]
        jobs = [first[key].job(id) for key, id in ids.items()]
        if any(job.order_key is not None for job in jobs):
            async with session.transaction() as transaction:
                recorded = await self._insert(
                    transaction, fresh, jobs, await enqueue.lock_and_number(transaction, jobs)
                )
        else:
            recorded = await self._insert(session, fresh, jobs, await self._draw(session, len(jobs)))
        keys = [receipts.key_of(arrival.receipt) for arrival in arrivals]
        new = [first[key] is arrival and ids[key] in recorded for arrival, key in zip(arrivals, keys, strict=True)]
        copies = [arrival.receipt for arrival, is_new in zip(arrivals, new, strict=True) if not is_new]
        await receipts.note_conflicting(session, copies)
        return new

    async def _insert(
        self,
        session: Session,
        fresh: Sequence[tuple[str, NewReceipt]],
        jobs: Sequence[NewJob],
        numbers: Sequence[int],
    ) -> set[str]:
        """Return the ids of the new receipts."""
        columns, queued = self._jobs.columns_of(jobs, numbers)
        noted = [*(receipts.received(id, receipt) for id, receipt in fresh), *queued]
        try:
            rows = await session.fetch(
                RECORD, *receipts.columns_of(self._sealer, fresh), *columns, *audit.columns_of(noted)
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != NUMBERS_OF_JOBS:
                raise
            # Behind a pooler, a database may be restored unnoticed. The next jobs get new numbers.
            raise StoreUnavailable("The database deals out numbers again that it has dealt out before.") from error
        return {row["id"] for row in rows}

    async def _draw(self, session: Session, count: int) -> list[int]:
        """Return numbers for jobs without order, from a batch. A new connection discards the batch: a database that was
        restored or failed over meanwhile may deal out its numbers again."""
        if self._numbered_at != self._database.openings:
            self._numbered_at = self._database.openings
            self._numbers.clear()
        if len(self._numbers) < count:
            rows = await session.fetch(enqueue.NUMBER, max(count, NUMBERS_AT_ONCE))
            self._numbers.extend(row["id"] for row in rows)
        return [self._numbers.popleft() for _ in range(count)]


MOST_ARRIVALS: Final = 256
MOST_BYTES: Final = 4 * 1024 * 1024
"""Payload bytes in one transaction. Each payload is copied several times on its way to the disk, and sealing blocks the
event loop."""

Webhook = Sequence[Arrival]
GroupCommit = Batcher[Webhook, int]
"""`run` records the events of one webhook and returns how many were new. They are committed when it returns. If it
raises StoreUnavailable, either all or none are recorded, and the vendor's retry is recognised."""


def group_commit_to(arrivals: PostgresArrivals) -> GroupCommit:
    """Return the group commit of a process."""
    return Batcher(partial(_recording, arrivals), _share)


@asynccontextmanager
async def _recording(arrivals: PostgresArrivals) -> AsyncIterator[Process[Webhook, int]]:
    async with arrivals.recording() as record:

        async def process(webhooks: Sequence[Webhook]) -> Sequence[int]:
            new = iter(await record([arrival for webhook in webhooks for arrival in webhook]))
            return [sum(next(new) for _ in webhook) for webhook in webhooks]

        yield process


def _share(webhook: Webhook) -> float:
    return max(len(webhook) / MOST_ARRIVALS, sum(len(arrival.receipt.payload) for arrival in webhook) / MOST_BYTES)
