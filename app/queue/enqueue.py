"""Enqueue jobs in the caller's transaction: each once, in the order of commits."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

import asyncpg

from app import telemetry
from app.audit import record
from app.errors import StoreUnavailable
from app.identifiers import new_run_id
from app.postgres.database import Database, Session, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.postgres.listen import CHANNEL
from app.queue.models import JobPolicy, NewJob
from app.queue.order_keys import LOCK_NUMBER, promote

DEFAULT_POLICY: Final = JobPolicy()

NUMBERS_AT_ONCE: Final = 256
DEALT_AGAIN: Final = "The database deals out numbers again that it has dealt out before."

# Joins each id with the count of the locks: ids are drawn while they are held. For the sub-selects see
# `jobs.FINISHING`.
LOCK_AND_NUMBER = Statement(
    "SELECT job",
    f"""
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(number)
          FROM (SELECT DISTINCT {LOCK_NUMBER} AS number
                  FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS key (connection, order_key)
                 WHERE order_key IS NOT NULL
                 ORDER BY number) AS sorted
    )
    SELECT nextval('job_id_seq') AS id
      FROM (SELECT count(*) FROM locked) AS locks, generate_series(1, (SELECT $3::bigint))
    """,  # noqa: S608 - no caller's text is in it
)

NUMBER = Statement("SELECT job", "SELECT nextval('job_id_seq') AS id FROM generate_series(1, (SELECT $1::integer))")


def new_text(*, first: int = 1, where: str = "true") -> str:
    """Return SQL text for a WITH: the jobs that `ADD` inserts.

    It takes fourteen arguments from `$first` on, those of `JobIntake.columns_of`. Only jobs that match `where` are
    included.
    """
    (id, kind, connection, order_key, dedupe_key, after, attempts, give_up_after, dead_head, share, payload, run,
     traceparent, origin) = (f"${number}" for number in range(first, first + 14))  # fmt: skip
    # The sub-select for the ids has the reason given at `jobs.FINISHING`.
    return f"""
    SELECT *, row_number() OVER (PARTITION BY connection, order_key ORDER BY id) AS place
      FROM unnest((SELECT {id}::bigint[]), {kind}::text[], {connection}::text[], {order_key}::text[],
                  {dedupe_key}::text[], {after}::float8[], {attempts}::integer[], {give_up_after}::float8[],
                  {dead_head}::text[], {share}::smallint[], {payload}::bytea[], {run}::text[], {traceparent}::text[],
                  {origin}::text[])
           AS new (id, kind, connection, order_key, dedupe_key, after, max_attempts,
                   give_up_after, dead_head, share, payload, correlation_id, traceparent, origin)
     WHERE {where}
    """  # noqa: S608 - no caller's text is in it


def placed_text(*, first: int) -> str:
    """Return SQL text for a WITH: lock the order keys of the jobs of `new_text` with the same `first`, and look.

    `waits` is NULL for a key of which a later job is here: its new jobs need later ids than those drawn beforehand.
    """
    return f"""
    SELECT connection, order_key, take_place(connection, order_key, id) AS waits
      FROM (SELECT connection, order_key, min(id) AS id
              FROM unnest((SELECT ${first}::bigint[]), (SELECT ${first + 2}::text[]), (SELECT ${first + 3}::text[]))
                   AS key (id, connection, order_key)
             WHERE order_key IS NOT NULL
             GROUP BY connection, order_key
             ORDER BY {LOCK_NUMBER}) AS sorted
    """  # noqa: S608 - no caller's text is in it


# Rows are inserted in the order of dedupe keys, so that two callers with the same jobs cannot deadlock.
ADD: Final = """
    INSERT INTO job (id, kind, connection, order_key, dedupe_key, state, run_at, max_attempts, give_up_at,
                     dead_head, share, payload, correlation_id, traceparent, origin)
    SELECT new.id, new.kind, new.connection, new.order_key, new.dedupe_key,
           CASE WHEN new.order_key IS NOT NULL AND (new.place > 1 OR placed.waits)
                THEN 'behind' ELSE 'ready' END,
           now() + make_interval(secs => new.after), new.max_attempts,
           now() + make_interval(secs => new.give_up_after), new.dead_head, new.share,
           new.payload, new.correlation_id, new.traceparent, new.origin
      FROM new
      LEFT JOIN placed ON placed.connection = new.connection AND placed.order_key = new.order_key
     ORDER BY new.connection, new.kind, new.dedupe_key, new.id
        ON CONFLICT (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
    RETURNING id
"""
"""SQL text for a data-modifying WITH that names `placed_text` `placed`: insert the jobs that it names `new`."""


def adding(effects: str = "") -> Statement:
    """Return the statement that adds jobs, audited, and notifies workers if the last argument says so. `effects` are
    further parts of its WITH, such as `, delivered AS (…)`, which may read `new`.

    If a number comes too late for its key, nothing is added, and one row has no id.
    """
    return Statement(
        "INSERT job",
        f"""
    WITH placed AS MATERIALIZED (
        {placed_text(first=1)}
    ), new AS (
        {new_text(where="NOT EXISTS (SELECT FROM placed WHERE waits IS NULL)")}
    ), added AS (
        {ADD}
    ), noted AS (
        {record.insert_text(first=15, where="entry.subject IN (SELECT 'job_' || id FROM added)")}
    ), woken AS MATERIALIZED (
        SELECT pg_notify('{CHANNEL}', '')
          FROM (SELECT FROM added LIMIT 1) AS one
         WHERE ${15 + record.ARGUMENTS}::boolean
    ){effects}
    SELECT id FROM added, (SELECT count(*) FROM woken) AS wakes
     UNION ALL
    SELECT NULL FROM placed WHERE waits IS NULL
    """,  # noqa: S608 - no caller's text is in it
    )


INSERT: Final = adding()


class Claimant(Protocol):
    """Claims in this process what it enqueues itself."""

    def has_room_for(self, connections: Collection[str]) -> bool:
        """Return whether jobs of these connections could start at once."""

    def claim_soon(self, connections: Collection[str], *, promised: bool) -> None:
        """Claim jobs of these connections, which have been committed. `promised`: no worker was notified of them,
        because there was room."""


class JobNumbers:
    """Numbers for jobs, drawn in advance from `database`; without it, when they are wanted."""

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._numbers: deque[int] = deque()
        self._drawn_at = 0

    async def draw(self, session: Session, count: int) -> list[int]:
        """Return numbers. A new connection discards those that were drawn: a database that was restored or failed over
        meanwhile may deal them out again."""
        if self._database is None:
            return [row["id"] for row in await session.fetch(NUMBER, count)]
        if self._drawn_at != self._database.openings:
            self._drawn_at = self._database.openings
            self.forget()
        if len(self._numbers) < count:
            rows = await session.fetch(NUMBER, max(count, NUMBERS_AT_ONCE))
            self._numbers.extend(row["id"] for row in rows)
        return [self._numbers.popleft() for _ in range(count)]

    def forget(self) -> None:
        """Discard the numbers that were drawn."""
        self._numbers.clear()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Raise StoreUnavailable if a number is used in the block that a job has already: behind a pooler, a database
        may be restored unnoticed. The next jobs get new numbers."""
        try:
            yield
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "job_pkey":
                raise
            self.forget()
            raise StoreUnavailable(DEALT_AGAIN) from error


class JobIntake:
    """Enqueue jobs in the transaction of a caller, with numbers drawn in advance if it gets the `database`.

    `claimant` may claim them in this process: then no other process is notified.
    """

    def __init__(self, sealer: Sealer, policies: Mapping[str, JobPolicy], database: Database | None = None) -> None:
        self._sealer = sealer
        self._policies = policies
        self._numbers = JobNumbers(database)
        self.claimant: Claimant | None = None

    async def enqueue(self, transaction: Transaction, *jobs: NewJob, query: Statement = INSERT) -> list[int | None]:
        """See `Enqueuer.enqueue`."""
        if not jobs:
            return []
        claimant, lanes = self.claimant, {job.connection for job in jobs}
        is_own = claimant is not None and claimant.has_room_for(lanes)
        ids = await self._numbers.draw(transaction, len(jobs))
        added = await self._add(transaction, query, jobs, ids, notify=not is_own)
        if None in added:
            # A later job of a key was added meanwhile.
            self._numbers.forget()
            ids = await lock_and_number(transaction, jobs)
            added = await self._add(transaction, query, jobs, ids, notify=not is_own)
            if None in added:
                raise StoreUnavailable(DEALT_AGAIN)
        if claimant is not None and is_own:
            transaction.after_commit.append(partial(claimant.claim_soon, lanes, promised=True))
        dropped = [index for index, job_id in enumerate(ids) if job_id not in added]
        if dropped:
            # A dropped job may have been the head of its key.
            await promote(transaction, {(jobs[index].connection, jobs[index].order_key) for index in dropped})
        return [job_id if job_id in added else None for job_id in ids]

    async def _add(
        self, transaction: Transaction, query: Statement, jobs: Sequence[NewJob], ids: Sequence[int], *, notify: bool
    ) -> set[int | None]:
        columns, noted = self.columns_of(jobs, ids)
        with self._numbers.used():
            return {row["id"] for row in await transaction.fetch(query, *columns, *record.columns_of(noted), notify)}

    def columns_of(
        self, jobs: Sequence[NewJob], ids: Sequence[int]
    ) -> tuple[tuple[list[object], ...], list[record.Entry]]:
        """Return the arguments of `new_text`, in order, for jobs with these ids, and the audit entry of each."""
        here = telemetry.current_traceparent()
        runs = [job.correlation_id or telemetry.correlation_id.get() or new_run_id() for job in jobs]
        policies = [self._policies.get(job.kind, DEFAULT_POLICY) for job in jobs]
        columns: tuple[list[object], ...] = (
            list(ids),
            [job.kind for job in jobs],
            [job.connection for job in jobs],
            [job.order_key for job in jobs],
            [job.dedupe_key for job in jobs],
            [job.after for job in jobs],
            [policy.max_attempts for policy in policies],
            [policy.give_up_seconds for policy in policies],
            [policy.dead_head for policy in policies],
            [policy.share if job.share is None else job.share for job, policy in zip(jobs, policies, strict=True)],
            [self._sealer.seal(job.payload, payload_of(job_id)) for job, job_id in zip(jobs, ids, strict=True)],
            list(runs),
            [job.traceparent or here for job in jobs],
            [job.origin for job in jobs],
        )
        return columns, [_queued(job, job_id, run) for job, job_id, run in zip(jobs, ids, runs, strict=True)]


async def lock_and_number(transaction: Transaction, jobs: Sequence[NewJob]) -> list[int]:
    """Lock the order keys of these jobs until the transaction ends, and draw their ids."""
    rows = await transaction.fetch(
        LOCK_AND_NUMBER, [job.connection for job in jobs], [job.order_key for job in jobs], len(jobs)
    )
    return [row["id"] for row in rows]


def _queued(job: NewJob, job_id: int, run: str) -> record.Entry:
    return record.Entry(
        type="job.queued",
        subject=job_subject(job_id),
        correlation_id=run,
        facts={"kind": job.kind, "connection": job.connection, "origin": job.origin},
    )


def job_subject(job_id: int) -> str:
    """Return the subject of a job in the audit trail."""
    return f"job_{job_id}"


def payload_of(job_id: int) -> str:
    """Return what a sealed payload belongs to: the job, also as a dead letter."""
    return f"job.payload {job_id}"


# A sealed payload moves from a job to its dead letter and, with a redrive, back. So a rotation of keys reads dead
# letters last, and repeats for rows that moved meanwhile.
SEALED: Final = (
    SealedColumn(table="job", column="payload", key={"id": "bigint"}, belongs_to=lambda row: payload_of(row["id"])),
    SealedColumn(
        table="dead_letter",
        column="payload",
        key={"id": "text"},
        more=("job_id",),
        belongs_to=lambda row: payload_of(row["job_id"]),
    ),
)
