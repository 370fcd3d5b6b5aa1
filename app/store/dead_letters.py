"""Dead letters: how a job becomes one, how it is found, and how it is run again or let go."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec

from app.dead_letter_ports import AlreadyQueued, Announcer, Attempt, DeadLetter, DeadLetterFilter, NotOpen
from app.identifiers import new_id
from app.queue_ports import Failure, Job, JobPolicy, LeaseLost, Transaction
from app.store import audit, order_keys
from app.store.database import Database, Query
from app.store.enqueueing import DEFAULT_POLICY, job_subject, payload_of
from app.store.lanes import WAKE
from app.store.sealing import Sealer

COLUMNS: Final = """
       id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, correlation_id, origin, category,
       reason, path, mapping, revision, state, enqueued_at, created_at, closed_at, closed_by, closed_because
"""

# The payload moves as it is, sealed: nobody has to be able to read it for it to be kept.
BURY = Query(
    "INSERT dead_letter",
    f"""
    WITH gone AS (
        DELETE FROM job
         WHERE id = $1 AND lease_token = $2 AND (NOT $10 OR lease_until < now())
        RETURNING *
    ), noted AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, traceparent,
                             started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'dead', $4, $5, $9, started_at
          FROM gone
    )
    INSERT INTO dead_letter (id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, payload,
                             correlation_id, traceparent, origin, enqueued_at,
                             category, reason, path, mapping, revision)
    SELECT $3, id, kind, connection, order_key, dedupe_key, attempts, dead_head, payload,
           correlation_id, coalesce($9, traceparent), origin, created_at,
           $4, $5, $6, $7, $8
      FROM gone
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)

WHICH: Final = """
           ($1::text IS NULL OR state = $1)
       AND ($2::text IS NULL OR connection = $2)
       AND ($3::text IS NULL OR kind = $3)
       AND ($4::text IS NULL OR category = $4)
       AND ($5::timestamptz IS NULL OR created_at >= $5)
       AND ($6::text IS NULL OR correlation_id = $6)
"""

SELECT_PAGE = Query(
    "SELECT dead_letter",
    f"""
    SELECT {COLUMNS}
      FROM dead_letter
     WHERE {WHICH}
       AND ($7::text IS NULL OR id < $7)
     ORDER BY id DESC
     LIMIT $8
    """,  # noqa: S608
)

COUNT = Query("SELECT dead_letter", f"SELECT count(*) FROM dead_letter WHERE {WHICH}")  # noqa: S608

SELECT_BY_ID = Query("SELECT dead_letter", f"SELECT {COLUMNS} FROM dead_letter WHERE id = $1")  # noqa: S608

SELECT_PAYLOAD = Query("SELECT dead_letter", "SELECT job_id, payload FROM dead_letter WHERE id = $1")

SELECT_ATTEMPTS = Query(
    "SELECT attempt",
    """
    SELECT job_id, number, kind, connection, outcome, category, reason, traceparent, started_at, ended_at
      FROM attempt
     WHERE job_id = $1
     ORDER BY number
    """,
)

# Read without a lock for the sake of the order of locks (first the key, then the row), so CLOSE looks once more.
SELECT_OPEN = Query(
    "SELECT dead_letter",
    "SELECT job_id, kind, connection, order_key, correlation_id FROM dead_letter WHERE id = $1 AND state = 'open'",
)

CLOSE = Query(
    "UPDATE dead_letter",
    """
    UPDATE dead_letter
       SET state = $2, closed_at = now(), closed_by = $3, closed_because = $4
     WHERE id = $1 AND state = 'open'
    """,
)

# All the attempts so far are spared: a redrive has as many anew as its kind gives.
REVIVE = Query(
    "INSERT job",
    """
    INSERT INTO job (id, kind, connection, order_key, dedupe_key, state, attempts, spared, max_attempts, give_up_at,
                     dead_head, payload, correlation_id, traceparent, origin)
    SELECT job_id, kind, connection, order_key, dedupe_key,
           CASE WHEN order_key IS NULL THEN 'ready' ELSE 'behind' END,
           attempts, attempts, $2, now() + make_interval(secs => $3),
           $4, coalesce($5, payload), correlation_id, traceparent, origin
      FROM dead_letter
     WHERE id = $1
        ON CONFLICT (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
    RETURNING id
    """,
)


async def bury(
    transaction: Transaction,
    job: Job,
    why: Failure,
    *,
    trace: str | None,
    announcer: Announcer | None,
    expired_only: bool = False,
) -> DeadLetter:
    """Make a dead letter of a running job. Raises LeaseLost; with `expired_only` also when its lease goes on."""
    key = (job.connection, job.order_key)
    await order_keys.lock(transaction, [key])
    row = await transaction.fetch_row(
        BURY,
        *(job.id, job.lease_token, new_id("dl_"), why.category, why.reason, why.path, why.mapping, why.revision),
        *(trace, expired_only),
    )
    if row is None:
        raise LeaseLost(job_subject(job.id))
    dead_letter = msgspec.convert(dict(row), DeadLetter)
    await order_keys.promote(transaction, [key])  # which a dead head that blocks its key prevents
    await _note(
        transaction,
        "job.dead_lettered",
        job_subject(job.id),
        dead_letter.correlation_id,
        attempt=job.attempt,
        category=why.category,
        dead_letter=dead_letter.id,
        kind=job.kind,
        connection=job.connection,
    )
    if announcer is not None:
        await announcer.dead_letter_created(transaction, dead_letter)
    return dead_letter


class PostgresDeadLetters:
    """`dead_letter_ports.DeadLetters` on PostgreSQL."""

    def __init__(self, database: Database, sealer: Sealer, policies: Mapping[str, JobPolicy]) -> None:
        self._database = database
        self._sealer = sealer
        self._policies = policies

    async def list(self, which: DeadLetterFilter, *, after: str | None, limit: int) -> Sequence[DeadLetter]:
        """Newest first, below the id `after`."""
        rows = await self._database.fetch(SELECT_PAGE, *_values(which), after, limit)
        return [msgspec.convert(dict(row), DeadLetter) for row in rows]

    async def count(self, which: DeadLetterFilter) -> int:
        """How many there are."""
        number: int = await self._database.fetch_value(COUNT, *_values(which))
        return number

    async def get(self, dead_letter_id: str) -> DeadLetter | None:
        """One by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, dead_letter_id)
        return None if row is None else msgspec.convert(dict(row), DeadLetter)

    async def payload(self, dead_letter_id: str) -> bytes | None:
        """What the handler was given."""
        row = await self._database.fetch_row(SELECT_PAYLOAD, dead_letter_id)
        return None if row is None else self._sealer.open(row["payload"], payload_of(row["job_id"]))

    async def attempts(self, job_id: int) -> Sequence[Attempt]:
        """All attempts at its job, oldest first; those before an earlier redrive too."""
        return [msgspec.convert(dict(row), Attempt) for row in await self._database.fetch(SELECT_ATTEMPTS, job_id)]

    async def redrive(
        self, transaction: Transaction, dead_letter_id: str, *, actor: str, payload: bytes | None = None
    ) -> int:
        """Enqueue it again in its old place; the job's id. Raises NotOpen and AlreadyQueued."""
        dead = await self._close(transaction, dead_letter_id, "redriven", actor, None)
        job_id: int = dead["job_id"]
        policy = self._policies.get(dead["kind"], DEFAULT_POLICY)
        sealed = None if payload is None else self._sealer.seal(payload, payload_of(job_id))
        revived = await transaction.fetch_row(
            REVIVE, dead_letter_id, policy.max_attempts, policy.give_up_seconds, policy.dead_head, sealed
        )
        if revived is None:
            raise AlreadyQueued(dead_letter_id)
        await order_keys.put_first(transaction, dead["connection"], dead["order_key"], job_id)
        await transaction.execute(WAKE)
        await _note(
            transaction,
            "job.redriven",
            job_subject(job_id),
            dead["correlation_id"],
            actor=actor,
            dead_letter=dead_letter_id,
            edited=payload is not None,
        )
        return job_id

    async def discard(self, transaction: Transaction, dead_letter_id: str, *, actor: str, because: str) -> None:
        """Let it go; those behind it in its order key go on. Raises NotOpen."""
        dead = await self._close(transaction, dead_letter_id, "discarded", actor, because)
        await order_keys.promote(transaction, [(dead["connection"], dead["order_key"])])
        await transaction.execute(WAKE)
        await _note(
            transaction,
            "job.discarded",
            job_subject(dead["job_id"]),
            dead["correlation_id"],
            actor=actor,
            dead_letter=dead_letter_id,
        )

    async def _close(
        self, transaction: Transaction, dead_letter_id: str, state: str, actor: str, because: str | None
    ) -> asyncpg.Record:
        dead: asyncpg.Record | None = await transaction.fetch_row(SELECT_OPEN, dead_letter_id)
        if dead is None:
            raise NotOpen(dead_letter_id)
        await order_keys.lock(transaction, [(dead["connection"], dead["order_key"])])
        if not await transaction.execute(CLOSE, dead_letter_id, state, actor, because):
            raise NotOpen(dead_letter_id)
        return dead


def _values(which: DeadLetterFilter) -> tuple[object, ...]:
    return (which.state, which.connection, which.kind, which.category, which.since, which.correlation_id)


async def _note(
    transaction: Transaction, what: str, subject: str, run: str, *, actor: str = "lockstitch", **facts: object
) -> None:
    await audit.append(transaction, what, subject=subject, actor=actor, correlation_id=run, facts=facts)
