"""End jobs: each is deleted in the transaction of what its handler writes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias

from app import telemetry
from app.postgres.database import Statement, Transaction
from app.queue.enqueue import job_subject
from app.queue.jobs import FINISH, PostgresQueue
from app.queue.models import Job, JobOutcome, LeaseLost


class Finishing:
    """Ends one job, for its handler: `async with finishing() as transaction`.

    To end several jobs together, pass theirs to `finishing_together` or `finish_together`. `in_progress` gets the id of
    the job while its row may disappear at any moment. A handler that waits before it ends its job calls `answered`
    when it has heard from the outside: then the job needs no place of its lane any more.
    """

    def __init__(self, queue: PostgresQueue, job: Job, in_progress: set[int], answered: Callable[[], None]) -> None:
        self.queue = queue
        self.job = job
        self.in_progress = in_progress
        self.answered = answered
        self.traceparent = telemetry.current_traceparent()
        self.committed = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Transaction]:
        """Open the transaction in which the job is deleted. Raises LeaseLost before the block runs."""
        async with finishing_together([self]) as (transaction, held):
            if not held:
                raise LeaseLost(job_subject(self.job.id))
            yield transaction


Handler: TypeAlias = Callable[[Job, Finishing], Awaitable[JobOutcome]]


@asynccontextmanager
async def finishing_together(jobs: Sequence[Finishing]) -> AsyncIterator[tuple[Transaction, set[int]]]:
    """Open a transaction in which these jobs are deleted. Yields it with the ids of those whose lease is held."""
    with _marked(jobs) as held:
        async with jobs[0].queue.finishing(_ended(jobs)) as (transaction, gone):
            yield transaction, gone
        held |= gone


async def finish_together(jobs: Sequence[Finishing], query: Statement = FINISH, *arguments: object) -> set[int]:
    """Delete these jobs, and return the ids of those whose lease was held. `query` is as for `PostgresQueue.finish`."""
    with _marked(jobs) as held:
        held |= await jobs[0].queue.finish(_ended(jobs), query, *arguments)
    return held


@contextmanager
def _marked(jobs: Sequence[Finishing]) -> Iterator[set[int]]:
    """Mark jobs that are being deleted. Yields a set for the ids of those whose end is committed.

    These stay marked until their attempts have ended: the heartbeat would miss their rows.
    """
    ids, held, in_progress = {one.job.id for one in jobs}, set[int](), jobs[0].in_progress
    in_progress |= ids
    for one in jobs:
        one.answered()
    try:
        yield held
    finally:
        in_progress -= ids - held
        for one in jobs:
            one.committed = one.job.id in held


def _ended(jobs: Sequence[Finishing]) -> list[tuple[Job, str | None]]:
    return [(one.job, one.traceparent) for one in jobs]
