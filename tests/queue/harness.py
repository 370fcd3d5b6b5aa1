"""A queue under test, and short calls for what tests do with it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from app.capabilities import LOADS
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.store.dead_letters import PostgresDeadLetters
from app.postgres.database import Database, Statement, Transaction
from app.queue.finishing import Finishing, Handler
from app.queue.jobs import PostgresQueue
from app.queue.lanes import PostgresLanes
from app.queue.models import Announcer, BudgetShare, DeadLetter, Job, JobPolicy, NewJob
from app.queue.pauses import PostgresPauses
from app.queue.runner import QueueRunner
from tests.encryption import SEALER

POLICIES = {
    "strict": JobPolicy(max_attempts=2, dead_head="block"),
    "thrice": JobPolicy(max_attempts=3, base_seconds=0.0),
    "tenfold": JobPolicy(max_attempts=10, base_seconds=0.0),
    "patient": JobPolicy(max_attempts=10_000, base_seconds=0.01, cap_seconds=0.05),
    "urgent": JobPolicy(share=BudgetShare.INTERACTIVE),
    "hasty": JobPolicy(max_attempts=50, give_up_seconds=60.0),
}

SHIFT = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET run_at = run_at - $1::interval, lease_until = lease_until - $1::interval,
           give_up_at = give_up_at - $1::interval
    """,
)
SHIFT_LANES = Statement(
    "UPDATE lane",
    "UPDATE lane SET blocked_until = blocked_until - $1::interval, probing_until = probing_until - $1::interval",
)
STATES = Statement("SELECT job", "SELECT id, state FROM job ORDER BY id")
AUDITED = Statement("SELECT audit_event", "SELECT type FROM audit_event ORDER BY id")


class Harness:
    """One process's queue, with means to inspect it and to let time pass."""

    def __init__(
        self,
        database: Database,
        *,
        lease: float = 30.0,
        seed: int = 1,
        upkeep: Database | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        self.database = database
        self.queue = PostgresQueue(
            database,
            SEALER,
            lease=timedelta(seconds=lease),
            policies=POLICIES,
            upkeep=upkeep,
            announcer=announcer,
            loads=LOADS,
            chance=random.Random(seed),
        )
        self.lanes = PostgresLanes(database)
        self.pauses = PostgresPauses(database, announcer)
        self.dead_letters = PostgresDeadLetters(database, SEALER, POLICIES)

    async def claim_all_of(self, connection: str) -> list[Job]:
        """Claim every job of one connection; give the others back."""
        jobs = await self.claim_all()
        others = [job for job in jobs if job.connection != connection]
        await self.queue.give_back(others, "not wanted")
        return [job for job in jobs if job.connection == connection]

    async def enqueue(self, *jobs: NewJob) -> list[int | None]:
        async with self.database.transaction() as session:
            return await self.queue.enqueue(session, *jobs)

    async def claim(self, limit: int = 100) -> Sequence[Job]:
        return (await self.queue.claims.claim(limit, running={}, at_most=limit)).jobs

    async def claim_one(self) -> Job:
        (job,) = await self.claim(1)
        return job

    async def claim_all(self) -> list[Job]:
        """Claim until nothing is left at any connection."""
        jobs: list[Job] = []
        while more := await self.claim():
            jobs.extend(more)
        return jobs

    async def due_in(self) -> float | None:
        """Seconds until the next job is due, as an empty claim reports it."""
        claimed = await self.queue.claims.claim(1, running={}, at_most=1)
        assert not claimed.jobs
        return claimed.due_in

    async def finish(self, job: Job) -> None:
        assert await self.queue.finish([(job, None)]) == {job.id}

    def finishing(self, job: Job) -> AbstractAsyncContextManager[Transaction]:
        """Open the transaction in which a job is deleted."""
        return Finishing(self.queue, job, set(), lambda: None)()

    async def pass_time(self, seconds: float) -> None:
        """Move the database's clock on by `seconds`, or back if negative."""
        await self.database.execute(SHIFT, timedelta(seconds=seconds))
        await self.database.execute(SHIFT_LANES, timedelta(seconds=seconds))

    async def states(self) -> dict[int, str]:
        return {row["id"]: row["state"] for row in await self.database.fetch(STATES)}

    async def is_empty(self) -> bool:
        return not await self.states()

    async def audited(self) -> list[str]:
        return [row["type"] for row in await self.database.fetch(AUDITED)]

    async def dead(self) -> Sequence[DeadLetter]:
        return await self.dead_letters.list(DeadLetterFilter(), after=None, limit=100)


@asynccontextmanager
async def running(harness: Harness, handler: Handler, **options: object) -> AsyncIterator[QueueRunner]:
    """Run a runner during the block. Then stop it and wait for its end."""
    runner = QueueRunner(
        harness.queue,
        {"work": handler, "tenfold": handler},
        **{"policies": {}, "lease_seconds": 30.0, "poll_seconds": 0.1, **options},  # type: ignore[arg-type]
    )
    task = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(60):
            yield runner
            runner.stop()
            await task
    finally:
        task.cancel()


async def until(condition: Callable[[], object]) -> None:
    """Wait, at most half a minute, until `condition` is true. It may be a coroutine function."""
    async with asyncio.timeout(30):
        while True:
            result = condition()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.01)


def new(kind: str = "work", **facts: object) -> NewJob:
    """Build a job to enqueue. Its payload is `{}` by default."""
    return NewJob(**{"kind": kind, "payload": b"{}", "connection": "shop", "correlation_id": "run-1", **facts})  # type: ignore[arg-type]
