"""Measure the queue with order: `python -m benchmarks.queue`.

Throughput: empty jobs over 20 connections with 25 order keys each, enqueued beforehand and run by one worker process.
They run twice: ended in batches; and each ended in its own transaction, like a job that writes something. Enqueueing is
measured one by one and in batches. Everything else of the queue is on: audit events, attempts, sealed payloads, NOTIFY,
fsync.

Flatness: the time to claim ten jobs while 10,000 and 1,000,000 wait, in two databases of one server, in turns.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg
import uvloop

from app.postgres.database import Database, Statement
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.encryption import Sealer
from app.postgres.listen import Listener
from app.postgres.migrate import migrate
from app.queue.claim import open_upkeep
from app.queue.finishing import Finishing, Handler
from app.queue.jobs import PostgresQueue
from app.queue.models import Done, Job, JobOutcome, NewJob
from app.queue.runner import QueueRunner
from benchmarks.figures import ratio, raw

ROUNDS: Final = 5
JOBS: Final = 10_000
CONNECTIONS: Final = 20
KEYS_EACH: Final = 25
LEASE: Final = 30.0
TARGET: Final = 2_000.0
CLAIMS: Final = 200
SHORT, LONG = 10_000, 1_000_000

BATCHED: Final = "run, taken away in batches"
ALONE: Final = "run, each finished in a transaction of its own"
SEALER: Final = Sealer((("k1", bytes(32)),))

CLEAR = Statement("TRUNCATE job", "TRUNCATE job, attempt, audit_event")
# Two jobs a key, one behind the other. The oldest waits the longest.
FILL = Statement(
    "INSERT job",
    """
    INSERT INTO job (id, kind, connection, order_key, state, max_attempts, dead_head, payload, correlation_id, run_at)
    SELECT id, 'work', 'shop-' || id / 2 % 20, 'record-' || id / 2, CASE id % 2 WHEN 0 THEN 'ready' ELSE 'behind' END,
           8, 'skip', payload, 'run', now() - make_interval(hours => 1) + make_interval(secs => id / 1000.0)
      FROM unnest($1::bigint[], $2::bytea[]) AS fresh (id, payload)
    """,
)
SETTLE = Statement("ANALYZE job", "ANALYZE job, lane")


def measure() -> None:
    """Print the figures."""
    folder = Path(tempfile.mkdtemp(prefix="lockstitch-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres", {"max_wal_size": "4GB"}).running(folder / "log") as url:
            uvloop.run(_throughput(url))
            uvloop.run(_flatness(url))
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _open(server_url: str, name: str) -> AsyncIterator[tuple[str, Database, PostgresQueue]]:
    """Yield a new database on this server, and a queue in it."""
    first = await asyncpg.connect(server_url)
    await first.execute(f"CREATE DATABASE {name}")
    await first.close()
    url = server_url.replace("/lockstitch?", f"/{name}?")
    await migrate(url)
    database, upkeep = await Database.connect(url, max_size=16), await open_upkeep(url)
    try:
        yield url, database, PostgresQueue(database, SEALER, lease=timedelta(seconds=LEASE), policies={}, upkeep=upkeep)
    finally:
        await upkeep.close()
        await database.close()


async def _throughput(server_url: str) -> None:
    print(f"Queue: {JOBS} jobs that do nothing, {CONNECTIONS} connections, {KEYS_EACH} order keys each")
    figures: dict[str, list[float]] = {
        title: [] for title in ("enqueued, 50 a transaction", BATCHED, "enqueued, one a transaction", ALONE)
    }
    async with _open(server_url, "throughput") as (url, database, queue):
        for _ in range(ROUNDS):
            figures["enqueued, 50 a transaction"].append(await _enqueue(database, queue, JOBS, 50))
            figures[BATCHED].append(await _run(queue, url, _nothing, JOBS))
            figures["enqueued, one a transaction"].append(await _enqueue(database, queue, JOBS // 4, 1))
            figures[ALONE].append(await _run(queue, url, _own_transaction, JOBS // 4))
            await database.execute(CLEAR)
    for title, rounds in figures.items():
        raw(title, rounds, "/s")
    ratio(f"{BATCHED}, to the target of 2,000/s", figures[BATCHED], [TARGET] * ROUNDS, "at least", 1.0)


async def _enqueue(database: Database, queue: PostgresQueue, jobs: int, batch: int) -> float:
    """Return jobs a second, with eight callers at once."""
    numbers = iter(range(jobs))

    async def caller() -> None:
        while fresh := [_new(number) for number in islice(numbers, batch)]:
            async with database.transaction() as session:
                await queue.enqueue(session, *fresh)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(8)))
    return jobs / (time.perf_counter() - started)


def _new(number: int) -> NewJob:
    connection, key = number % CONNECTIONS, number // CONNECTIONS % KEYS_EACH
    return NewJob(
        kind="work",
        payload=b'{"id":"0198f2"}',
        connection=f"shop-{connection}",
        order_key=f"record-{key}",
        dedupe_key=str(number),
        correlation_id=f"run-{number}",
    )


async def _nothing(_job: Job, _finishing: Finishing) -> JobOutcome:
    return Done()


async def _own_transaction(_job: Job, finishing: Finishing) -> JobOutcome:
    async with finishing():
        return Done()


async def _run(queue: PostgresQueue, url: str, handler: Handler, jobs: int) -> float:
    """Return jobs a second, from the start of the worker to the end of the last job."""
    left = jobs
    ended = asyncio.Event()

    async def counting(job: Job, finishing: Finishing) -> JobOutcome:
        nonlocal left
        outcome = await handler(job, finishing)
        left -= 1
        if not left:
            ended.set()
        return outcome

    runner = QueueRunner(queue, {"work": counting}, policies={}, lease_seconds=LEASE, listen=Listener(url).listen)
    started = time.perf_counter()
    running = asyncio.create_task(runner.run())
    await ended.wait()
    runner.stop()
    await running
    return jobs / (time.perf_counter() - started)


async def _flatness(server_url: str) -> None:
    print(f"Queue: milliseconds for a claim of ten, median of {CLAIMS}, jobs waiting at {CONNECTIONS} connections")
    times: dict[int, list[float]] = {SHORT: [], LONG: []}
    async with _open(server_url, "short") as short, _open(server_url, "long") as long:
        opened = {SHORT: short, LONG: long}
        for waiting, (_, database, _queue) in opened.items():
            await _fill(database, waiting)
        for _ in range(ROUNDS):
            for waiting, (_, _database, queue) in opened.items():
                times[waiting].append(await _time_claims(queue))
    for waiting, rounds in times.items():
        raw(f"{waiting:,} waiting", rounds, "ms")
    ratio("the long queue to the short one", times[LONG], times[SHORT], "at most", 1.5)


async def _fill(database: Database, waiting: int) -> None:
    for first in range(0, waiting, SHORT):
        ids = range(first, first + SHORT)
        await database.execute(FILL, list(ids), [SEALER.seal(b"{}", f"job.payload {job_id}") for job_id in ids])
    await database.execute(SETTLE)


async def _time_claims(queue: PostgresQueue) -> float:
    """Return the median of a claim in milliseconds. Claimed jobs are put back, so every claim finds the same queue."""
    times = []
    for _ in range(CLAIMS):
        started = time.perf_counter()
        claimed = await queue.claims.claim(10, running={}, at_most=10)
        times.append((time.perf_counter() - started) * 1000)
        assert len(claimed.jobs) == 10
        await queue.give_back(claimed.jobs, "measured")
    return median(times)


if __name__ == "__main__":
    measure()
