"""Jobs that failed for good, written to the database without a worker."""

from collections.abc import Mapping
from datetime import timedelta

from app.postgres.database import Database, Statement
from app.queue.claim import job_of
from app.queue.jobs import PostgresQueue
from app.queue.models import JobFailure, JobPolicy, NewJob
from tests.closing import async_closing
from tests.encryption import SEALER

# A running worker would claim the job first and give it back as of an unknown kind.
RUN = Statement(
    "UPDATE job",
    """
    UPDATE job
       SET state = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(), started_at = now(),
           lease_until = now() + interval '1 hour'
     WHERE id = $1
    RETURNING *
    """,
)


async def bury(
    url: str, *jobs: NewJob, failure: JobFailure, policies: Mapping[str, JobPolicy] | None = None
) -> list[str]:
    """Enqueue these jobs and fail each one for good. Return the ids of their dead letters, in the same order."""
    async with async_closing(Database.connect(url, max_size=2)) as database:
        queue, buried = queue_on(database, policies or {}), []
        for job in jobs:
            async with database.transaction() as session:
                (job_id,) = await queue.enqueue(session, job)
                row = await session.fetch_row(RUN, job_id)
                assert row is not None
            buried.append(await queue.bury(job_of(row, b"", probe=False), failure))
        return buried


def queue_on(database: Database, policies: Mapping[str, JobPolicy]) -> PostgresQueue:
    """Return the queue of a test that runs no worker."""
    return PostgresQueue(database, SEALER, lease=timedelta(seconds=30), policies=policies)
