"""Workers as processes: killed by a job, killed at random, and stopped by a signal."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from app.postgres.database import Statement
from app.postgres.listen import LIVING
from tests.forked import Forked
from tests.queue.harness import Harness, new, until
from tests.queue.worker_process import CREATE

ROOT = Path(__file__).parents[2]
NOTHING = Path(os.devnull)
SHOWN = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted"
EFFECTS = Statement("SELECT effect", "SELECT job_id FROM effect ORDER BY id")


@asynccontextmanager
async def worker(url: str, *, lease: float, output: Path = NOTHING) -> AsyncIterator[Forked]:
    process = Forked(
        "tests.queue.worker_process",
        [url, str(lease)],
        environment=os.environ,
        folder=ROOT,
        streams=(NOTHING, output, NOTHING),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(30)


async def test_a_job_that_kills_its_worker_is_dead_after_its_attempts(harness: Harness, database_url: str) -> None:
    await harness.database.execute(CREATE)
    poison, behind, other = await harness.enqueue(
        new("thrice", order_key="a"), new("effect", order_key="a"), new("effect", order_key="b")
    )
    killed = 0
    async with asyncio.timeout(60):
        while not await harness.dead():
            async with worker(database_url, lease=30.0) as process:
                await until(lambda: process.returncode is not None)
                killed += process.returncode == -signal.SIGKILL
            await harness.pass_time(60)
            await harness.queue.expire(10)
        async with worker(database_url, lease=30.0):
            await until(lambda: _is_empty(harness))

    (dead,) = await harness.dead()
    assert (dead.job_id, dead.category, dead.attempts) == (poison, "poison", 3)
    assert killed == 3
    assert sorted(await _effects(harness)) == [behind, other]


async def test_workers_killed_at_random_run_each_job_once_and_in_order(harness: Harness, database_url: str) -> None:
    await harness.database.execute(CREATE)
    keys = [f"k{number}" for number in range(10)]
    enqueued: dict[str, list[int]] = {key: [] for key in keys}

    async def enqueue_one_of_each_key() -> None:
        ids = await harness.enqueue(*(new("effect", order_key=key) for key in keys))
        for key, job_id in zip(keys, ids, strict=True):
            assert job_id is not None
            enqueued[key].append(job_id)

    for _ in range(40):
        await enqueue_one_of_each_key()
    chance = random.Random(7)
    killed = 0

    async def killed_now_and_then() -> None:
        nonlocal killed
        while killed < 6 or await harness.states():
            if killed < 6:
                await enqueue_one_of_each_key()  # however slow this process is, there is work
            before = len(await _effects(harness))
            async with worker(database_url, lease=1.0):
                await until(partial(_has_gone_on, harness, before))
                await asyncio.sleep(chance.uniform(0.0, 0.4))
            killed += 1

    async with asyncio.timeout(90):
        await asyncio.gather(killed_now_and_then(), killed_now_and_then())

    effects = await _effects(harness)
    assert sorted(effects) == sorted(job_id for ids in enqueued.values() for job_id in ids)
    for ids in enqueued.values():
        assert [job_id for job_id in effects if job_id in ids] == sorted(ids)


async def test_the_jobs_of_a_killed_worker_do_not_wait_for_its_lease(
    harness: Harness, database_url: str, tmp_path: Path
) -> None:
    await harness.database.execute(CREATE)
    output = tmp_path / "output"
    output.touch()
    async with asyncio.timeout(90), worker(database_url, lease=3600.0, output=output) as process:
        await until(lambda: _session_shows_life(harness))
        jobs = await harness.enqueue(*(new("slow", order_key=key) for key in "abc"))
        await until(lambda: output.read_text().count("begun") == len(jobs))
        os.kill(process.pid, signal.SIGKILL)
        async with worker(database_url, lease=3600.0):
            await until(lambda: _is_empty(harness))

    assert sorted(await _effects(harness)) == jobs


async def test_sigterm_lets_what_has_begun_end_and_begins_nothing_more(
    harness: Harness, database_url: str, tmp_path: Path
) -> None:
    await harness.database.execute(CREATE)
    (begun,) = await harness.enqueue(new("slow"))
    output = tmp_path / "output"
    output.touch()
    async with asyncio.timeout(30), worker(database_url, lease=30.0, output=output) as process:
        await until(lambda: "begun" in output.read_text())
        process.terminate()
        await until(lambda: "stopping" in output.read_text())
        (late,) = await harness.enqueue(new("slow"))
        assert await asyncio.to_thread(process.wait, 30) == 0

    assert await _effects(harness) == [begun]
    assert await harness.states() == {late: "ready"}


async def _has_gone_on(harness: Harness, before: int) -> bool:
    return len(await _effects(harness)) > before or await _is_empty(harness)


async def _session_shows_life(harness: Harness) -> bool:
    return bool(await harness.database.fetch(Statement("SELECT pg_locks", SHOWN), LIVING))


async def _is_empty(harness: Harness) -> bool:
    return not await harness.states()


async def _effects(harness: Harness) -> list[int]:
    return [row["job_id"] for row in await harness.database.fetch(EFFECTS)]
