"""Running jobs: record how each attempt ends.

Every statement compares the lease token. If it changes no row, another worker has the job, and the transaction is
rolled back.
"""

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal

import asyncpg

from app import telemetry
from app.audit import record
from app.postgres.database import Database, Session, Statement, Transaction
from app.postgres.encryption import Sealer
from app.postgres.listen import Listener
from app.queue import lanes, order_keys, pauses
from app.queue.bury import bury
from app.queue.claim import Claims
from app.queue.enqueue import DEFAULT_POLICY, JobIntake, job_subject
from app.queue.leases import Leases
from app.queue.models import (
    Announcer,
    DeadLetter,
    Job,
    JobFailure,
    JobPolicy,
    LeaseLost,
    Load,
)

_log = logging.getLogger("lockstitch.queue")

FINISH_ARGUMENTS: Final = 5 + record.ARGUMENTS

# Joins each row with the count of the locks: the keys are locked before a row is deleted; see order_keys. The
# sub-selects hide the lengths of the arrays from PostgreSQL, which would otherwise plan each call anew; that takes
# longer than the work.
FINISHING: Final = f"""
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(number)
          FROM (SELECT DISTINCT {order_keys.LOCK_NUMBER} AS number
                  FROM unnest((SELECT $3::text[]), (SELECT $4::text[])) AS key (connection, order_key)
                 WHERE order_key IS NOT NULL
                 ORDER BY number) AS sorted
    ), gone AS (
        DELETE FROM job
         USING (SELECT count(*) FROM locked) AS locks
         WHERE id = ANY ((SELECT $1::bigint[])::bigint[])
           AND lease_token = ($2::uuid[])[array_position($1, id)]
        RETURNING id, attempts, kind, connection, order_key, correlation_id, started_at,
                  ($5::text[])[array_position($1, id)] AS traceparent
    ), ended AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, traceparent, started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'done', traceparent, started_at
          FROM gone
    ), processed AS (
        {record.insert_text(first=6, where="entry.subject IN (SELECT 'job_' || id FROM gone)")}
    ), following AS MATERIALIZED (
        SELECT promote_jobs(array_agg(connection), array_agg(order_key)) AS promoted
          FROM gone
         WHERE order_key IS NOT NULL
    )
"""  # noqa: S608 - no caller's text is in it
"""Delete jobs, as SQL text with which a statement begins. It names those whose lease is held `gone`, and takes the
first FINISH_ARGUMENTS arguments. The statement ends with a row of FINISHED for each of them."""

FINISHED: Final = "id, (SELECT promoted FROM following) AS promoted"
"""Columns of `gone`. `promoted`: how many jobs behind those that are gone have become ready, if any of these had an
order key."""

FINISH = Statement("DELETE job", f"{FINISHING} SELECT {FINISHED} FROM gone")  # noqa: S608

RETRY = Statement(
    "UPDATE job",
    """
    WITH freed AS (
        UPDATE job
           SET state = 'ready', run_at = now() + make_interval(secs => $3),
               lease_token = NULL, lease_until = NULL, started_at = NULL
         WHERE id = $1 AND lease_token = $2
           AND attempts - deferred < max_attempts
           AND (give_up_at IS NULL OR give_up_at > now() + make_interval(secs => $3))
        RETURNING id, attempts, kind, connection, correlation_id
    )
    INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, traceparent,
                         started_at)
    SELECT id, attempts, kind, connection, correlation_id, 'retried', 'transient', $4, $5, $6
      FROM freed
    """,
)

# A deferred job keeps its run_at, unless it must wait. If this was its first attempt, the time until give_up_at starts
# again with the next one, in `claim._CLAIM`.
DEFER = Statement(
    "UPDATE job",
    """
    WITH freed AS (
        UPDATE job
           SET state = 'ready', deferred = deferred + 1,
               run_at = CASE WHEN $4::float8 > 0 THEN now() + make_interval(secs => $4) ELSE run_at END,
               give_up_at = CASE WHEN attempts - deferred = 1 THEN created_at + (give_up_at - job.started_at)
                                 ELSE give_up_at END,
               lease_token = NULL, lease_until = NULL, started_at = NULL
         WHERE id = ANY ((SELECT $1::bigint[])::bigint[])
           AND lease_token = ($2::uuid[])[array_position($1, id)]
        RETURNING id, attempts, kind, connection, correlation_id,
                  ($3::timestamptz[])[array_position($1, id)] AS started_at
    ), noted AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, traceparent,
                             started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'deferred', $5, $6, $7, started_at
          FROM freed
    )
    SELECT id, correlation_id FROM freed
    """,
)


First = Callable[[Session], Awaitable[None]]
"""What a transaction does before it ends jobs."""


class PostgresQueue(JobIntake):
    """The queue. Every step on a job names its lease, and raises LeaseLost if that is gone. `claims` lease jobs, and
    `leases` extend that.

    A silent worker keeps its jobs for `lease`; one whose session at `listener` has ended, for seconds. `upkeep` (from
    `open_upkeep`) is for claims and leases, and is not needed to enqueue. `announcer` makes Events of dead letters and
    pauses; `loads` come with each claim; `chance` gives the jitter.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        *,
        lease: timedelta,
        policies: Mapping[str, JobPolicy],
        upkeep: Database | None = None,
        listener: Listener | None = None,
        announcer: Announcer | None = None,
        loads: Sequence[Load] = (),
        chance: random.Random | None = None,
    ) -> None:
        super().__init__(sealer, policies, database)
        self._database = database
        self._announcer = announcer
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.claims: Final = Claims(upkeep or database, sealer, lease, listener, loads)
        self.leases: Final = Leases(upkeep or database, lease)

    async def notify_workers(self) -> None:
        """Wake the workers of all processes."""
        await self._database.execute(lanes.WAKE)

    async def expire(self, limit: int) -> int:
        """Release jobs whose lease has expired. A job without attempts left is poison and becomes a dead letter."""
        is_any_expired = await self.leases.end_of_gone()
        await self.claims.open_lanes()
        if not is_any_expired:
            return 0
        freed = await self.leases.free_expired(limit)
        for job in await self.leases.find_poison(limit):
            why = JobFailure(category="poison", reason=f"its worker died or was too slow in attempt {job.attempt}")
            try:
                async with self._database.transaction() as session:
                    await lanes.probe_undecided(session, job, 0.0)
                    dead = await bury(session, job, why, trace=None, announcer=self._announcer, expired_only=True)
            except LeaseLost:
                continue  # another worker buried it, or its own worker is alive
            _report_death(job, dead)
            freed += 1
        return freed

    @asynccontextmanager
    async def finishing(
        self,
        ended: Sequence[tuple[Job, str | None]],
        query: Statement = FINISH,
        *arguments: object,
        first: First | None = None,
    ) -> AsyncIterator[tuple[Transaction, list[asyncpg.Record]]]:
        """Open a transaction in which jobs are deleted, each with the traceparent of its attempt. `first` comes before
        that, and leaves them if it raises.

        Yields it with the rows of the query: one with the `id` of each job whose lease is held.

        `query` may write more: it begins with `FINISHING`, takes these further `arguments`, and may return further
        rows, with neither `id` nor `promoted`.
        """
        async with self._database.transaction() as session:
            if first is not None:
                await first(session)
            rows = await _delete(session, ended, query, arguments)
            yield session, rows
            session.after_commit.append(partial(self._claim_promoted, ended, rows))
            gone = ids_of(rows)
            for job, _ in ended:
                if job.probe and job.id in gone:
                    await lanes.probe_succeeded(session, job)

    async def finish(
        self, ended: Sequence[tuple[Job, str | None]], query: Statement = FINISH, *arguments: object
    ) -> set[int]:
        """Delete jobs with nothing more to write than the `query` of `finishing` does. Return the ids of those whose
        lease was held. Unless one probes its lane, the query is the whole transaction."""
        if any(job.probe for job, _ in ended):
            async with self.finishing(ended, query, *arguments) as (_, rows):
                return ids_of(rows)
        async with self._database.acquire() as session:
            rows = await _delete(session, ended, query, arguments)
        self._claim_promoted(ended, rows)
        return ids_of(rows)

    def _claim_promoted(self, ended: Sequence[tuple[Job, str | None]], rows: Sequence[asyncpg.Record]) -> None:
        """Let this process claim the jobs that were behind those that are gone."""
        if self.claimant is not None and any(row["promoted"] for row in rows):
            promoted = {job.connection for job, _ in ended if job.order_key is not None}
            self.claimant.claim_soon(promoted, promised=False)

    async def retry(
        self,
        job: Job,
        reason: str,
        *,
        after: float | None = None,
        at_least: float = 0.0,
        also: Callable[[Transaction], Awaitable[bool]] | None = None,
    ) -> Literal["retried", "dead"]:
        """Release a job for another attempt; make it a dead letter if it has none left. `also` is `Retry.record`."""
        seconds = max(0.0, at_least) + self._back_off(job) if after is None else max(0.0, after)
        trace = telemetry.current_traceparent()
        async with self._database.transaction() as session:
            if also is not None and not await also(session):
                seconds = 0.0
            again = await session.execute(RETRY, job.id, job.lease_token, seconds, reason, trace, job.started_at)
            await lanes.probe_undecided(session, job, seconds)
            if again:
                await _note(session, "job.retried", job, category="transient", seconds=round(seconds, 3))
                return "retried"
            dead = await self._bury(session, job, JobFailure(category="transient", reason=reason), trace)
        _report_death(job, dead)
        return "dead"

    async def throttle(self, job: Job, reason: str, *, retry_after: float | None) -> None:
        """Release a job without counting the attempt, and block its lane."""
        async with self._database.transaction() as session:
            await self._defer(session, [job], "throttle", reason)
            await lanes.throttle(session, job.connection, reason, retry_after)

    async def refuse(self, job: Job, reason: str) -> None:
        """Release a job without counting the attempt, and pause its connection, because the vendor refuses the
        credential."""
        async with self._database.transaction() as session:
            await self._defer(session, [job], "auth", reason)
            await pauses.refuse(session, job.connection, reason, self._announcer)

    async def give_back(self, jobs: Sequence[Job], reason: str, *, after: float = 0.0) -> None:
        """Release jobs without counting the attempt. Jobs whose lease was lost are left alone."""
        async with self._database.transaction() as session:
            freed = {row["id"] for row in await self._release(session, jobs, None, reason, after)}
            for job in jobs:
                if job.id in freed:
                    await lanes.probe_undecided(session, job, after)

    async def bury(
        self, job: Job, failure: JobFailure, *, also: Callable[[Transaction], Awaitable[None]] | None = None
    ) -> str:
        """Turn a job into a dead letter and return its id. `also` is `Conflict.record`."""
        async with self._database.transaction() as session:
            if also is not None:
                await also(session)
            dead = await self._bury(session, job, failure, telemetry.current_traceparent())
            if job.probe:
                await lanes.probe_succeeded(session, job)  # a refusal shows that the vendor answers
        _report_death(job, dead)
        return dead.id

    async def _bury(self, session: Transaction, job: Job, failure: JobFailure, trace: str | None) -> DeadLetter:
        return await bury(session, job, failure, trace=trace, announcer=self._announcer)

    async def _defer(self, session: Transaction, jobs: Sequence[Job], category: str, reason: str) -> None:
        if not await self._release(session, jobs, category, reason, 0.0):
            raise LeaseLost(job_subject(jobs[0].id))

    async def _release(
        self, session: Transaction, jobs: Sequence[Job], category: str | None, reason: str, after: float
    ) -> list[Any]:
        return await session.fetch(
            DEFER,
            [job.id for job in jobs],
            [job.lease_token for job in jobs],
            [job.started_at for job in jobs],
            *(after, category, reason, telemetry.current_traceparent()),
        )

    def _back_off(self, job: Job) -> float:
        """Return exponential back-off with full jitter, so that jobs that failed together do not retry together."""
        policy = self._policies.get(job.kind, DEFAULT_POLICY)
        failures = max(0, job.attempt - job.deferred - 1)
        return self._chance.uniform(0.0, min(policy.cap_seconds, policy.base_seconds * 2.0 ** min(failures, 32)))


async def _delete(
    session: Session, ended: Sequence[tuple[Job, str | None]], query: Statement, arguments: Sequence[object]
) -> list[asyncpg.Record]:
    jobs = [job for job, _ in ended]
    return await session.fetch(
        query,
        [job.id for job in jobs],
        [job.lease_token for job in jobs],
        [job.connection for job in jobs],
        [job.order_key for job in jobs],
        [trace for _, trace in ended],
        *record.columns_of([_entry("job.processed", job) for job in jobs]),
        *arguments,
    )


def ids_of(rows: Sequence[asyncpg.Record]) -> set[int]:
    """Return the ids of the jobs that a query of `finishing` has deleted."""
    return {row["id"] for row in rows if row["id"] is not None}


def _entry(what: str, job: Job, **facts: object) -> record.Entry:
    return record.Entry(
        type=what,
        subject=job_subject(job.id),
        correlation_id=job.correlation_id,
        facts={"attempt": job.attempt, "kind": job.kind, "connection": job.connection, **facts},
    )


async def _note(session: Transaction, what: str, job: Job, **facts: object) -> None:
    await record.append(session, _entry(what, job, **facts))


def _report_death(job: Job, dead: DeadLetter) -> None:
    """Count and log a dead letter, after its commit."""
    telemetry.count_dead_letter(job.kind, dead.category)
    facts = {
        "dead_letter": dead.id,
        "job_id": job.id,
        "kind": job.kind,
        "connection": job.connection,
        "attempt": job.attempt,
        "category": dead.category,
        "code": dead.reason,
        "path": dead.path,
        "correlation_id": dead.correlation_id,
    }
    _log.warning("a job became a dead letter", extra=facts)
