"""Enqueueing: jobs are added in the caller's transaction, once each, in the order of commits."""

from collections.abc import Mapping, Sequence
from typing import Final

from app import telemetry
from app.identifiers import uuid7
from app.queue_ports import JobPolicy, NewJob, Transaction
from app.store import audit
from app.store.database import Query
from app.store.order_keys import LOCK_NUMBER, promote
from app.store.sealing import Sealer

CHANNEL: Final = "lockstitch_job"
"""Notified, without a payload, by every transaction that enqueues."""

DEFAULT_POLICY: Final = JobPolicy()

# Ids are drawn after the locks are held, and sleepers are woken once a transaction, however many jobs it adds.
LOCK_AND_NUMBER = Query(
    "SELECT job",
    f"""
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(number)
          FROM (SELECT DISTINCT {LOCK_NUMBER} AS number
                  FROM unnest($1::text[], $2::text[]) AS key (connection, order_key)
                 WHERE order_key IS NOT NULL
                 ORDER BY number) AS sorted
    ), woken AS MATERIALIZED (
        SELECT pg_notify('{CHANNEL}', '')
    )
    SELECT nextval('job_id_seq') AS id
      FROM woken, generate_series((SELECT 1 + 0 * count(*) FROM locked), $3)
    """,  # noqa: S608 - no caller's text is in it
)

# Look-ups of one row each, and not EXISTS: a plan that reads the whole table once would be no bargain here. Rows go in
# by dedupe key, so that of two callers with the same jobs one waits, and not each for the other. The ids stand in a
# sub-select, as in `jobs.FINISH`.
INSERT = Query(
    "INSERT job",
    f"""
    WITH new AS (
        SELECT *, row_number() OVER (PARTITION BY connection, order_key ORDER BY id) AS place
          FROM unnest((SELECT $1::bigint[]), $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[],
                      $7::integer[], $8::float8[], $9::text[], $10::bytea[], $11::text[], $12::text[], $13::text[])
               AS new (id, kind, connection, order_key, dedupe_key, after, max_attempts,
                       give_up_after, dead_head, payload, correlation_id, traceparent, origin)
    ), added AS (
        INSERT INTO job (id, kind, connection, order_key, dedupe_key, state, run_at, max_attempts, give_up_at,
                         dead_head, payload, correlation_id, traceparent, origin)
        SELECT new.id, new.kind, new.connection, new.order_key, new.dedupe_key,
               CASE WHEN new.order_key IS NOT NULL AND (new.place > 1 OR older.here OR block.here)
                    THEN 'behind' ELSE 'ready' END,
               now() + make_interval(secs => new.after), new.max_attempts,
               now() + make_interval(secs => new.give_up_after), new.dead_head,
               new.payload, new.correlation_id, new.traceparent, new.origin
          FROM new
          LEFT JOIN LATERAL (
               SELECT true AS here
                 FROM job
                WHERE job.connection = new.connection AND job.order_key = new.order_key
                LIMIT 1) AS older ON true
          LEFT JOIN LATERAL (
               SELECT true AS here
                 FROM dead_letter
                WHERE dead_letter.connection = new.connection AND dead_letter.order_key = new.order_key
                  AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
                LIMIT 1) AS block ON true
         ORDER BY new.connection, new.kind, new.dedupe_key, new.id
            ON CONFLICT (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
        RETURNING id
    ), noted AS (
        {audit.insert_text(first=14, where="entry.subject IN (SELECT 'job_' || id FROM added)")}
    )
    SELECT id FROM added
    """,  # noqa: S608 - no caller's text is in it
)


class JobIntake:
    """`queue_ports.Enqueuer` on PostgreSQL."""

    def __init__(self, sealer: Sealer, policies: Mapping[str, JobPolicy]) -> None:
        self._sealer = sealer
        self._policies = policies

    async def enqueue(self, transaction: Transaction, *jobs: NewJob) -> list[int | None]:
        """Add jobs in the caller's transaction; their ids, None for one that is there already."""
        if not jobs:
            return []
        numbered = await transaction.fetch(
            LOCK_AND_NUMBER, [job.connection for job in jobs], [job.order_key for job in jobs], len(jobs)
        )
        ids = [row["id"] for row in numbered]
        runs = [job.correlation_id or telemetry.correlation_id.get() or str(uuid7()) for job in jobs]
        noted = audit.columns_of([_queued(job, id, run) for job, id, run in zip(jobs, ids, runs, strict=True)])
        rows = await transaction.fetch(INSERT, *self._columns(jobs, ids, runs), *noted)
        added = {row["id"] for row in rows}
        dropped = [index for index, job_id in enumerate(ids) if job_id not in added]
        if dropped:
            # One that was there already may have been meant as the head of its key.
            await promote(transaction, {(jobs[index].connection, jobs[index].order_key) for index in dropped})
        return [job_id if job_id in added else None for job_id in ids]

    def _columns(self, jobs: Sequence[NewJob], ids: Sequence[int], runs: Sequence[str]) -> tuple[list[object], ...]:
        here = telemetry.current_traceparent()
        policies = [self._policies.get(job.kind, DEFAULT_POLICY) for job in jobs]
        return (
            list(ids),
            [job.kind for job in jobs],
            [job.connection for job in jobs],
            [job.order_key for job in jobs],
            [job.dedupe_key for job in jobs],
            [job.after for job in jobs],
            [policy.max_attempts for policy in policies],
            [policy.give_up_seconds for policy in policies],
            [policy.dead_head for policy in policies],
            [self._sealer.seal(job.payload, payload_of(job_id)) for job, job_id in zip(jobs, ids, strict=True)],
            list(runs),
            [job.traceparent or here for job in jobs],
            [job.origin for job in jobs],
        )


def _queued(job: NewJob, job_id: int, run: str) -> audit.Entry:
    return audit.Entry(
        type="job.queued",
        subject=job_subject(job_id),
        correlation_id=run,
        facts={"kind": job.kind, "connection": job.connection, "origin": job.origin},
    )


def job_subject(job_id: int) -> str:
    """How the audit trail names a job."""
    return f"job_{job_id}"


def payload_of(job_id: int) -> str:
    """What a sealed payload belongs to: the job, also when it is a dead letter."""
    return f"job.payload {job_id}"
