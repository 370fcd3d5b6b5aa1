"""A worker as a process of its own: `python -m tests.queue.worker_process <database url> <lease seconds>`.

Kinds: `effect` notes that it was run, in the transaction of its end; `slow` does so after a second; `poison` kills the
process at once. SIGTERM drains it.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from app.postgres.database import Database, Statement
from app.postgres.listen import Listener
from app.queue.claim import open_upkeep
from app.queue.finishing import Finishing, Handler
from app.queue.jobs import PostgresQueue
from app.queue.models import Done, Job, JobOutcome
from app.queue.runner import QueueRunner
from tests.encryption import SEALER
from tests.queue.harness import POLICIES

CREATE = Statement(
    "CREATE effect", "CREATE TABLE IF NOT EXISTS effect (id bigserial PRIMARY KEY, job_id bigint, pid integer)"
)
INSERT = Statement("INSERT effect", "INSERT INTO effect (job_id, pid) VALUES ($1, $2)")


async def take_effect(job: Job, finishing: Finishing) -> JobOutcome:
    async with finishing() as transaction:
        await transaction.execute(INSERT, job.id, os.getpid())
    return Done()


async def take_effect_slowly(job: Job, finishing: Finishing) -> JobOutcome:
    print("begun", flush=True)
    await asyncio.sleep(1.0)
    return await take_effect(job, finishing)


async def kill_the_worker(_job: Job, _finishing: Finishing) -> JobOutcome:
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.Event().wait()
    return Done()


HANDLERS: dict[str, Handler] = {"effect": take_effect, "slow": take_effect_slowly, "thrice": kill_the_worker}


async def main(url: str, lease: float) -> None:
    database, upkeep = await Database.connect(url), await open_upkeep(url)
    listener = Listener(url)
    queue = PostgresQueue(
        database, SEALER, lease=timedelta(seconds=lease), policies=POLICIES, upkeep=upkeep, listener=listener
    )
    runner = QueueRunner(
        queue, HANDLERS, policies=POLICIES, lease_seconds=lease, listen=listener.listen, drain_seconds=5.0
    )

    def stop() -> None:
        runner.stop()
        print("stopping", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    await runner.run()
    await upkeep.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
