"""A database with work that was given up, for the commands of operators."""

import base64
from collections.abc import Mapping
from datetime import timedelta

from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.queue.jobs import PostgresQueue
from app.queue.models import JobFailure, JobPolicy, NewJob

KEY = bytes(range(32))
ENCRYPTION_KEYS = f"k1:{base64.b64encode(KEY).decode()}"


async def bury(
    url: str, *jobs: NewJob, failure: JobFailure, policies: Mapping[str, JobPolicy] | None = None
) -> list[str]:
    """Enqueue these jobs, fail each once and for good; the ids of their dead letters."""
    database = await Database.connect(url, max_size=2)
    try:
        queue = PostgresQueue(database, Sealer((("k1", KEY),)), lease=timedelta(seconds=30), policies=policies or {})
        async with database.transaction() as session:
            await queue.enqueue(session, *jobs)
        buried: dict[int, str] = {}
        while claimed := (await queue.claim(100, running={}, at_most=100)).jobs:
            for job in claimed:
                buried[job.id] = await queue.bury(job, failure)
        return [buried[job_id] for job_id in sorted(buried)]
    finally:
        await database.close()
