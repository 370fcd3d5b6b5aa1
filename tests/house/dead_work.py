"""A database with work that was given up, for the commands of operators."""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta

from app.queue_ports import Failure, JobPolicy, NewJob
from app.store.database import Database
from app.store.jobs import PostgresQueue
from app.store.sealing import Sealer

KEY = bytes(range(32))
ENCRYPTION_KEYS = f"k1:{base64.b64encode(KEY).decode()}"


def lockstitch(
    *arguments: str, environment: Mapping[str, str], text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator does, on a terminal of 80 columns."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**inherited, "COLUMNS": "80", **environment},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def bury(url: str, *jobs: NewJob, failure: Failure, policies: Mapping[str, JobPolicy] | None = None) -> list[str]:
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
