"""Order and exactly one effect again, with real concurrency: two runners, eight enqueuers, and somebody who steals
leases and sets the clock."""

import asyncio
import random
import time
from datetime import timedelta

import pytest

from app.dead_letters.models import DeadLetterFilter
from app.queue.finishing import Finishing, Handler
from app.queue.models import Done, Job, JobOutcome, Retry, Throttled
from app.queue.runner import QueueRunner
from tests.queue.effects import CREATE, EFFECTS, TAKE_EFFECT
from tests.queue.harness import SHIFT, SHIFT_LANES, Harness, new, until


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_two_workers_under_theft_and_clock_jumps_keep_the_order(harness: Harness, seed: int) -> None:
    await harness.database.execute(CREATE)
    chance = random.Random(seed)
    enqueued: dict[tuple[str, str], list[int]] = {}
    total = 400

    def handler(worker: Harness) -> Handler:
        async def handle(job: Job, finishing: Finishing) -> JobOutcome:
            began = time.monotonic()
            await asyncio.sleep(chance.uniform(0.0, 0.02))
            match chance.randrange(12):
                case 0:
                    return Retry(reason="timeout", after=chance.uniform(0.0, 0.05))
                case 1:
                    return Throttled(reason="429", retry_after=0.02)
                case 2:
                    raise ValueError
            async with finishing() as transaction:
                await transaction.execute(TAKE_EFFECT, job.id, job.connection, job.order_key, began, time.monotonic())
                await asyncio.sleep(chance.uniform(0.0, 0.01))
            return Done()

        return handle

    async def enqueue(key: str) -> None:
        for _ in range(total // 8):
            connection = chance.choice(["shop", "desk"])
            (job_id,) = await harness.enqueue(new("patient", connection=connection, order_key=key))
            assert job_id is not None
            enqueued.setdefault((connection, key), []).append(job_id)

    async def meddle() -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.02, 0.1))
            jump = timedelta(seconds=chance.choice([-1, 1, 40, 40]))
            await harness.database.execute(SHIFT, jump)
            await harness.database.execute(SHIFT_LANES, jump)
            await harness.queue.expire(100)

    workers = [Harness(harness.database, lease=2.0, seed=seed + number) for number in range(2)]
    runners = [
        QueueRunner(worker.queue, {"patient": handler(worker)}, policies={}, lease_seconds=2.0, concurrency=16)
        for worker in workers
    ]
    async with asyncio.timeout(60):
        running = [asyncio.create_task(runner.run()) for runner in runners]
        meddling = asyncio.create_task(meddle())
        # Keys are shared by two enqueuers each: ids must follow the order of their commits.
        await asyncio.gather(*(enqueue(f"k{number % 4}") for number in range(8)))
        await until(lambda: _nothing_left(harness))
        meddling.cancel()
        for runner in runners:
            runner.stop()
        await asyncio.gather(*running)

    assert (await harness.dead_letters.preview(DeadLetterFilter(), limit=1)).redriven == 0
    effects: dict[tuple[str, str], list[int]] = {}
    for row in await harness.database.fetch(EFFECTS):
        assert not row["overlaps"]
        effects.setdefault((row["connection"], row["order_key"]), []).append(row["job_id"])
    assert effects == {key: sorted(ids) for key, ids in enqueued.items()}


async def _nothing_left(harness: Harness) -> bool:
    return not await harness.states()
