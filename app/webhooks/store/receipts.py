"""Receipts: record every verified webhook once, also when copies arrive concurrently, and enqueue its job.

One statement records receipts and jobs. Webhooks that arrive together share a transaction.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

from app.audit import record
from app.audit.record import Entry
from app.errors import StoreUnavailable
from app.identifiers import new_id
from app.postgres.batching import Batcher, Process
from app.postgres.database import Database, Session, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.postgres.listen import CHANNEL
from app.queue import enqueue
from app.queue.models import Job, JobPolicy, Load, NewJob
from app.records.statements import EFFECTS_AT, appending
from app.webhooks.models import Arrival, ListedReceipt, NewReceipt, Receipt, ReceiptFilter, Record

# The locks of order keys come first, then receipts, in key order, so that two callers with the same receipts never
# deadlock; only new ones get jobs. If an id comes too late for its key, nothing is recorded, and one row has no id.
# If any is new, workers are notified once. The arrays are in sub-selects, as in `jobs.FINISHING`.
RECORD = Statement(
    "INSERT inbound_event",
    f"""
    WITH placed AS MATERIALIZED (
        {enqueue.placed_text(first=11)}
    ), recorded AS (
        INSERT INTO inbound_event (id, connection, dedupe_key, topic, remote_object, remote_id, occurred_at, payload,
                                   digest, correlation_id)
        SELECT arrived.*
          FROM (SELECT count(*) AS number FROM placed WHERE waits IS NULL) AS late,
               unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]),
                      (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::timestamptz[]), (SELECT $8::bytea[]),
                      (SELECT $9::bytea[]), (SELECT $10::text[]))
               AS arrived (id, connection, dedupe_key, topic, remote_object, remote_id, occurred_at, payload, digest,
                           correlation_id)
         WHERE late.number = 0
         ORDER BY connection, dedupe_key
            ON CONFLICT (connection, dedupe_key) DO NOTHING
        RETURNING id
    ), new AS (
        {enqueue.new_text(first=11, where="new.origin IN (SELECT id FROM recorded)")}
    ), added AS (
        {enqueue.ADD}
    ), noted AS (
        {
        record.insert_text(
            first=25, where="entry.subject IN (SELECT id FROM recorded UNION ALL SELECT 'job_' || id FROM added)"
        )
    }
    ), woken AS MATERIALIZED (
        SELECT pg_notify('{CHANNEL}', '') FROM (SELECT FROM recorded LIMIT 1) AS one
    )
    SELECT id FROM recorded, (SELECT count(*) FROM woken) AS wakes
     UNION ALL
    SELECT NULL FROM placed WHERE waits IS NULL
    """,  # noqa: S608 - no caller's text is in it
)

# A separate statement: the INSERT does not see a conflicting row that was committed while it waited.
SELECT_KNOWN = Statement(
    "SELECT inbound_event",
    """
    SELECT known.id, known.connection, known.dedupe_key, known.digest
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS copy (connection, dedupe_key)
      JOIN inbound_event AS known USING (connection, dedupe_key)
    """,
)

COLUMNS: Final = ", ".join(Receipt.__struct_fields__)
SELECT = Statement("SELECT inbound_event", f"SELECT {COLUMNS} FROM inbound_event WHERE id = $1")  # noqa: S608

LOAD: Final = Load(
    columns=", ".join(f"receipt.{name} AS receipt_{name}" for name in Receipt.__struct_fields__),
    joins=f"""
          LEFT JOIN LATERAL (
               SELECT {COLUMNS}
                 FROM inbound_event
                WHERE id = CASE WHEN claimed.kind IN ('ingest', 'ingest_row') THEN claimed.origin END
                LIMIT 1) AS receipt ON true""",  # noqa: S608
)

# Ids sort by time. A rare connection costs no more than the newest receipts.
LIST = Statement(
    "SELECT inbound_event",
    """
    SELECT id, connection, topic, remote_object, remote_id, correlation_id, received_at, settled_at,
           (SELECT id FROM dead_letter AS letter
             WHERE letter.correlation_id = newest.correlation_id AND origin = newest.id AND state = 'open'
             LIMIT 1) AS dead_letter
      FROM (SELECT * FROM inbound_event WHERE $1::text IS NULL OR id < $1 ORDER BY id DESC LIMIT 100000) AS newest
     WHERE ($3::text IS NULL OR connection = $3) AND ($4::text IS NULL OR correlation_id = $4)
       AND ($5::text IS NULL OR remote_id = $5) AND ($6::timestamptz IS NULL OR received_at >= $6)
       AND NOT ($7 AND settled_at IS NOT NULL)
     ORDER BY id DESC
     LIMIT $2
    """,
)

SETTLE = Statement(
    "UPDATE inbound_event",
    "UPDATE inbound_event SET settled_at = now() WHERE id = ANY ($1::text[]) AND settled_at IS NULL",
)

ERASE = Statement(
    "UPDATE inbound_event",
    "UPDATE inbound_event SET settled_at = coalesce(settled_at, now()), payload = $2 WHERE id = $1",
)

INGEST = appending(
    f"""settled AS (
        UPDATE inbound_event
           SET settled_at = now(),
               payload = coalesce(
                   (${EFFECTS_AT + 1}::bytea[])[array_position(${EFFECTS_AT}::text[], id)], payload)
         WHERE id = ANY ((SELECT ${EFFECTS_AT}::text[])::text[]) AND settled_at IS NULL
    )"""  # noqa: S608 - no caller's text is in it
)
"""Settles receipts: the ids, and of each the payload that replaces its own, or None, in its own arguments."""

Key = tuple[str, str]
"""Connection and dedupe key."""


class PostgresReceipts:
    """The store of receipts. Payloads are encrypted."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._no_jobs, _ = enqueue.JobIntake(sealer, {}).columns_of((), ())

    async def record(self, transaction: Transaction, receipts: Sequence[NewReceipt]) -> Sequence[str | None]:
        """Record receipts and return their ids in the same order, None for a copy, also within this call.

        A copy with other content is audited. Give all receipts of a transaction in one call, before its jobs: rows are
        locked in one order then, and no two callers deadlock.
        """
        ids = _ids_of(receipts)
        fresh = [(id, receipts[place]) for place, id in ids.items()]
        new = await _insert(transaction, self._sealer, fresh, self._no_jobs, [])
        assert new is not None  # noqa: S101 - there are no jobs
        return await _without_copies(transaction, receipts, ids, new)

    async def get(self, receipt_id: str) -> Receipt | None:
        """Return a receipt by id. Raises StoreUnavailable."""
        row = await self._database.fetch_row(SELECT, receipt_id)
        return None if row is None else self._opened(dict(row))

    def of_job(self, job: Job) -> Receipt | None:
        """Return the receipt that a job processes, as its claim has read it. None if it is gone."""
        columns = {name: job.loaded[f"receipt_{name}"] for name in Receipt.__struct_fields__}
        return None if columns["id"] is None else self._opened(columns)

    def blank(self, receipt_id: str) -> bytes:
        """Return an empty payload for a receipt."""
        return self._sealer.seal(b"{}", payload_of(receipt_id))

    async def erase(self, transaction: Transaction, receipt_id: str) -> None:
        """Record that it has been processed, and empty its payload."""
        await transaction.execute(ERASE, receipt_id, self.blank(receipt_id))

    async def newest(self, which: ReceiptFilter, *, after: str | None, limit: int) -> Sequence[ListedReceipt]:
        """List the newest receipts, below the id `after`. Looks at no more than 100,000."""
        filters = (which.connection, which.correlation_id, which.remote_id, which.since, which.waiting)
        rows = await self._database.fetch(LIST, after, limit, *filters)
        return [ListedReceipt(**row) for row in rows]

    async def settle(self, transaction: Transaction, receipt_ids: Sequence[str]) -> None:
        """Record that they have been processed."""
        await transaction.execute(SETTLE, receipt_ids)

    def _opened(self, columns: dict[str, Any]) -> Receipt:
        return Receipt(**{**columns, "payload": self._sealer.open(columns["payload"], payload_of(columns["id"]))})


class PostgresArrivals:
    """Record arrivals. The one statement is the whole transaction, and its jobs are numbered beforehand.

    If another process has enqueued a later job of a record meanwhile, they are numbered again while its key is locked.
    """

    def __init__(self, database: Database, sealer: Sealer, policies: Mapping[str, JobPolicy]) -> None:
        self._database = database
        self._sealer = sealer
        self._jobs = enqueue.JobIntake(sealer, policies)
        self._numbers = enqueue.JobNumbers(database)

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
                self._numbers.forget()
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
        """Return which arrivals are new."""
        receipts = [arrival.receipt for arrival in arrivals]
        ids = _ids_of(receipts)
        fresh = [(id, receipts[place]) for place, id in ids.items()]
        jobs = [arrivals[place].job(id) for place, id in ids.items()]
        new = await self._insert(session, fresh, jobs, await self._numbers.draw(session, len(jobs)))
        if new is None:
            self._numbers.forget()
            async with session.transaction() as transaction:
                numbers = await enqueue.lock_and_number(transaction, jobs)
                new = await self._insert(transaction, fresh, jobs, numbers)
            if new is None:
                raise StoreUnavailable(enqueue.DEALT_AGAIN)
        return [id is not None for id in await _without_copies(session, receipts, ids, new)]

    async def _insert(
        self,
        session: Session,
        fresh: Sequence[tuple[str, NewReceipt]],
        jobs: Sequence[NewJob],
        numbers: Sequence[int],
    ) -> set[str] | None:
        with self._numbers.used():
            return await _insert(session, self._sealer, fresh, *self._jobs.columns_of(jobs, numbers))


MOST_ARRIVALS: Final = 256
MOST_BYTES: Final = 4 * 1024 * 1024
"""Payload bytes in one transaction. Each payload is copied several times on its way to the disk, and sealing blocks the
event loop."""

Webhook = Sequence[Arrival]
GroupCommit = Batcher[Webhook, int]
"""`run` records the events of one webhook and returns how many were new. They are committed when it returns. If it
raises StoreUnavailable or is cancelled, either all or none are recorded, and the vendor's retry is recognised."""


def group_commit_to(arrivals: PostgresArrivals) -> GroupCommit:
    """Return the group commit of a process."""
    return Batcher(partial(_recording, arrivals), _share, abandonable=True)


@asynccontextmanager
async def _recording(arrivals: PostgresArrivals) -> AsyncIterator[Process[Webhook, int]]:
    async with arrivals.recording() as record:

        async def process(webhooks: Sequence[Webhook]) -> Sequence[int]:
            new = iter(await record([arrival for webhook in webhooks for arrival in webhook]))
            return [sum(next(new) for _ in webhook) for webhook in webhooks]

        yield process


def _share(webhook: Webhook) -> float:
    return max(len(webhook) / MOST_ARRIVALS, sum(len(arrival.receipt.payload) for arrival in webhook) / MOST_BYTES)


def _ids_of(receipts: Sequence[NewReceipt]) -> dict[int, str]:
    """Return new ids for the first copy of each receipt, by its place."""
    first: dict[Key, int] = {}
    for place, receipt in enumerate(receipts):
        first.setdefault(_key_of(receipt), place)
    return {place: new_id("in_") for place in first.values()}


async def _without_copies(
    session: Session, receipts: Sequence[NewReceipt], ids: Mapping[int, str], new: Collection[str]
) -> Sequence[str | None]:
    """Return the id of each receipt, None for a copy: its id is not among the `new` ones. Audit copies that differ."""
    recorded = [ids[place] if ids.get(place) in new else None for place in range(len(receipts))]
    copies = [receipts[place] for place, id in enumerate(recorded) if id is None]
    if copies:
        await _note_conflicting(session, copies)
    return recorded


async def _insert(
    session: Session,
    sealer: Sealer,
    fresh: Sequence[tuple[str, NewReceipt]],
    jobs: tuple[list[object], ...],
    queued: Sequence[Entry],
) -> set[str] | None:
    """Insert receipts with their ids, and jobs, the columns of `JobIntake.columns_of`. Return the ids of new receipts;
    None, and insert nothing, if the id of a job comes too late for its order key."""
    if not fresh:
        return set()
    columns = (
        [id for id, _ in fresh],
        [one.connection for _, one in fresh],
        [one.dedupe_key for _, one in fresh],
        [one.topic for _, one in fresh],
        [one.remote_object for _, one in fresh],
        [one.remote_id for _, one in fresh],
        [one.occurred_at for _, one in fresh],
        [sealer.seal(one.payload, payload_of(id)) for id, one in fresh],
        [one.digest for _, one in fresh],
        [one.correlation_id for _, one in fresh],
    )
    entries = [*(_received(id, receipt) for id, receipt in fresh), *queued]
    ids = {row["id"] for row in await session.fetch(RECORD, *columns, *jobs, *record.columns_of(entries))}
    return None if None in ids else ids


def payload_of(receipt_id: str) -> str:
    """Return the row that an encrypted payload is bound to."""
    return f"inbound_event {receipt_id}"


def _key_of(receipt: NewReceipt) -> Key:
    """Return the key that all copies share."""
    return receipt.connection, receipt.dedupe_key


def _received(receipt_id: str, receipt: NewReceipt) -> Entry:
    return Entry(
        type="receipt.received",
        subject=receipt_id,
        correlation_id=receipt.correlation_id,
        facts={"connection": receipt.connection, "topic": receipt.topic, "sha256": receipt.digest.hex()},
    )


async def _note_conflicting(session: Session, copies: Sequence[NewReceipt]) -> None:
    """Audit each copy whose content differs from the receipt with its key."""
    keys = {_key_of(copy) for copy in copies}
    rows = await session.fetch(
        SELECT_KNOWN, [connection for connection, _ in keys], [dedupe_key for _, dedupe_key in keys]
    )
    known = {(row["connection"], row["dedupe_key"]): row for row in rows}
    entries = [
        Entry(
            type="receipt.conflicting",
            subject=known[_key_of(copy)]["id"],
            correlation_id=copy.correlation_id,
            facts={"connection": copy.connection, "topic": copy.topic, "sha256": copy.digest.hex()},
        )
        for copy in copies
        if _key_of(copy) in known and known[_key_of(copy)]["digest"] != copy.digest
    ]
    await record.append(session, *entries)


SEALED: Final = (
    SealedColumn(
        table="inbound_event", column="payload", key={"id": "text"}, belongs_to=lambda row: payload_of(row["id"])
    ),
)
