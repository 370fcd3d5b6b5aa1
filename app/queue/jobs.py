"""Jobs at work: how each attempt ends. Every step is fenced by the lease's token: where it touches no row, somebody
else has the job, and whatever was written in the same transaction is rolled back.
"""

import logging
import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Literal

from app import telemetry
from app.audit import record
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import Sealer
from app.queue import lanes, order_keys
from app.queue.bury import bury
from app.queue.claim import Claims
from app.queue.enqueue import DEFAULT_POLICY, JobIntake, job_subject
from app.queue.leases import Leases
from app.queue.models import Announcer, Claimed, DeadLetter, Job, JobFailure, JobPolicy, LeaseLost, NewJob

_log = logging.getLogger("lockstitch.queue")

# The keys are locked before a row goes; order_keys says why. The arrays stand in sub-selects: if it could see how long
# they are, PostgreSQL would plan anew every time, which takes longer than the work.
FINISH = Statement(
    "DELETE job",
    f"""
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(number)
          FROM (SELECT DISTINCT {order_keys.LOCK_NUMBER} AS number
                  FROM unnest((SELECT $3::text[]), (SELECT $4::text[])) AS key (connection, order_key)
                 WHERE order_key IS NOT NULL
                 ORDER BY number) AS sorted
    ), gone AS (
        DELETE FROM job
         WHERE id = ANY ((SELECT $1::bigint[])::bigint[])
           AND lease_token = ($2::uuid[])[array_position($1, id)]
           AND (SELECT count(*) FROM locked) >= 0
        RETURNING id, attempts, kind, connection, correlation_id, started_at,
                  ($5::text[])[array_position($1, id)] AS traceparent
    ), noted AS (
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, traceparent, started_at)
        SELECT id, attempts, kind, connection, correlation_id, 'done', traceparent, started_at
          FROM gone
    )
    SELECT id FROM gone
    """,  # noqa: S608 - no caller's text is in it
)

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

# A job that is deferred keeps its place: run_at stays, unless it is told to wait. Where this would have been its first
# attempt, its time has not begun to run after all: `claiming.CLAIM` begins it with the next one.
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


class PostgresQueue:
    """The queue. Every step on a job names its lease, and raises LeaseLost if that is gone.

    `lease` is how long a silent worker keeps its jobs. `upkeep` (made by `open_upkeep`) is where it claims and extends
    leases, and not needed to enqueue. `announcer` makes Events of dead letters and pauses; `chance` gives the jitter.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        *,
        lease: timedelta,
        policies: Mapping[str, JobPolicy],
        upkeep: Database | None = None,
        announcer: Announcer | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._policies = policies
        self._announcer = announcer
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._intake = JobIntake(sealer, policies)
        self._claims = Claims(upkeep or database, sealer, lease)
        self._leases = Leases(upkeep or database, lease)

    async def enqueue(self, transaction: Transaction, *jobs: NewJob) -> list[int | None]:
        """Add jobs in the caller's transaction; their ids, None for one that is there already."""
        return await self._intake.enqueue(transaction, *jobs)

    async def claim(self, limit: int, *, running: Mapping[str, int], at_most: int) -> Claimed:
        """Jobs of one connection, the next in turn that has any."""
        return await self._claims.claim(limit, running=running, at_most=at_most)

    async def extend(self, jobs: Collection[Job]) -> set[int]:
        """Extend the leases; the ids of jobs that are ours no longer."""
        return await self._leases.extend(jobs)

    async def expire(self, limit: int) -> int:
        """Free jobs whose lease has run out; those with no attempt left are poison, and become dead letters."""
        await self._claims.open_lanes()
        freed = await self._leases.free_expired(limit)
        for job in await self._leases.find_poison(limit):
            why = JobFailure(category="poison", reason=f"its worker died or was too slow in attempt {job.attempt}")
            try:
                async with self._database.transaction() as session:
                    await lanes.probe_undecided(session, job, 0.0)
                    dead = await bury(session, job, why, trace=None, announcer=self._announcer, expired_only=True)
            except LeaseLost:
                continue  # another worker buried it, or its own is alive after all
            _report_death(job, dead)
            freed += 1
        return freed

    @asynccontextmanager
    async def finishing(self, job: Job) -> AsyncIterator[Transaction]:
        """A transaction in which the job is gone. Raises LeaseLost before the block runs."""
        async with self._database.transaction() as session:
            if not await self._take_away(session, [(job, telemetry.current_traceparent())]):
                raise LeaseLost(job_subject(job.id))
            yield session
            await order_keys.promote(session, [(job.connection, job.order_key)])
            await lanes.probe_succeeded(session, job)

    async def finish(self, ended: Sequence[tuple[Job, str | None]]) -> set[int]:
        """Take away jobs that wrote nothing, each with the traceparent of its attempt; the ids of those lost."""
        async with self._database.transaction() as session:
            gone = await self._take_away(session, ended)
            done = [job for job, _ in ended if job.id in gone]
            await order_keys.promote(session, {(job.connection, job.order_key) for job in done})
            for job in done:
                await lanes.probe_succeeded(session, job)
        return {job.id for job, _ in ended} - gone

    async def retry(
        self, job: Job, reason: str, *, after: float | None = None, at_least: float = 0.0
    ) -> Literal["retried", "dead"]:
        """Put a job back for another attempt, or among the dead letters when it has had enough of them."""
        seconds = max(0.0, at_least) + self._back_off(job) if after is None else max(0.0, after)
        trace = telemetry.current_traceparent()
        async with self._database.transaction() as session:
            again = await session.execute(RETRY, job.id, job.lease_token, seconds, reason, trace, job.started_at)
            await lanes.probe_undecided(session, job, seconds)
            if again:
                await _note(session, "job.retried", job, category="transient", seconds=round(seconds, 3))
                return "retried"
            dead = await self._bury(session, job, JobFailure(category="transient", reason=reason), trace)
        _report_death(job, dead)
        return "dead"

    async def throttle(self, job: Job, reason: str, *, retry_after: float | None) -> None:
        """Put a job back as it was, and let its whole connection wait."""
        async with self._database.transaction() as session:
            await self._spare(session, [job], "throttle", reason)
            await lanes.throttle(session, job.connection, reason, retry_after)

    async def refuse(self, job: Job, reason: str) -> None:
        """Put a job back as it was, and pause its connection: the vendor does not accept our credential."""
        async with self._database.transaction() as session:
            await self._spare(session, [job], "auth", reason)
            await lanes.refuse(session, job.connection, reason, self._announcer)

    async def give_back(self, jobs: Sequence[Job], reason: str, *, after: float = 0.0) -> None:
        """Put jobs back as they were, for no fault of theirs; those that are ours no longer are left alone."""
        async with self._database.transaction() as session:
            freed = {row["id"] for row in await self._put_back(session, jobs, None, reason, after)}
            for job in jobs:
                if job.id in freed:
                    await lanes.probe_undecided(session, job, after)

    async def bury(self, job: Job, failure: JobFailure) -> str:
        """Make a dead letter of a job; its id."""
        async with self._database.transaction() as session:
            dead = await self._bury(session, job, failure, telemetry.current_traceparent())
            await lanes.probe_succeeded(session, job)  # a vendor who says no does answer
        _report_death(job, dead)
        return dead.id

    async def _bury(self, session: Transaction, job: Job, failure: JobFailure, trace: str | None) -> DeadLetter:
        return await bury(session, job, failure, trace=trace, announcer=self._announcer)

    async def _take_away(self, session: Transaction, ended: Sequence[tuple[Job, str | None]]) -> set[int]:
        jobs = [job for job, _ in ended]
        rows = await session.fetch(
            FINISH,
            [job.id for job in jobs],
            [job.lease_token for job in jobs],
            [job.connection for job in jobs],
            [job.order_key for job in jobs],
            [trace for _, trace in ended],
        )
        gone = {row["id"] for row in rows}
        await record.append_all(session, [_entry("job.processed", job) for job in jobs if job.id in gone])
        return gone

    async def _spare(self, session: Transaction, jobs: Sequence[Job], category: str, reason: str) -> None:
        if not await self._put_back(session, jobs, category, reason, 0.0):
            raise LeaseLost(job_subject(jobs[0].id))

    async def _put_back(
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
        """Exponential with full jitter: no two jobs that failed together come back together."""
        policy = self._policies.get(job.kind, DEFAULT_POLICY)
        failures = max(0, job.attempt - job.deferred - 1)
        return self._chance.uniform(0.0, min(policy.cap_seconds, policy.base_seconds * 2.0 ** min(failures, 32)))


def _entry(what: str, job: Job, **facts: object) -> record.Entry:
    return record.Entry(
        type=what,
        subject=job_subject(job.id),
        correlation_id=job.correlation_id,
        facts={"attempt": job.attempt, "kind": job.kind, "connection": job.connection, **facts},
    )


async def _note(session: Transaction, what: str, job: Job, **facts: object) -> None:
    await record.append_all(session, [_entry(what, job, **facts)])


def _report_death(job: Job, dead: DeadLetter) -> None:
    """Count and log a dead letter, once it is committed."""
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
