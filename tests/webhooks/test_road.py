"""The road of a webhook inside one worker: how many statements it takes, how they are planned, and a cancelled end."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from app.capabilities import KINDS, LOADS, POLICIES
from app.postgres import batching
from app.postgres.database import Database, Statement
from app.postgres.listen import Listener
from app.postgres.migrate import migrate
from app.queue.claim import open_upkeep
from app.queue.jobs import PostgresQueue
from app.queue.models import JobPolicy
from app.queue.runner import QueueRunner
from app.settings.environment import load_settings
from app.wiring.runtime import POOL_SIZE, Runtime, open_runtime
from tests.contract.subscribers import Delivering
from tests.encryption import SEALER
from tests.queue.harness import until
from tests.webhooks.burst import WAITING, record, subscribe

MOST_STATEMENTS = 2.0
STEADY_RATE = 100
MOST_TRANSACTIONS = 3.0  # of the worker; the API takes one more

LOGGED = re.compile(r"^lockstitch (\d+) LOG:  (?:execute [^:]*|statement): (.*\n(?:\t.*\n){0,3})", re.MULTILINE)
LEFT = Statement("SELECT job", "SELECT 1 FROM job LIMIT 1")
# PostgreSQL plans the first five calls of a prepared statement for their arguments, then compares the costs.
PLANNED_ANEW = Statement(
    "SELECT pg_prepared_statements", "SELECT statement FROM pg_prepared_statements WHERE custom_plans > 5"
)
PLANNED_ONCE = Statement(
    "SELECT pg_prepared_statements", "SELECT count(*) FROM pg_prepared_statements WHERE generic_plans > 0"
)
LISTENERS = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'lockstitch wake-ups'
    """,
)
HOLD = Statement("SELECT inbound_event", "SELECT 1 FROM inbound_event WHERE id = ANY ($1) FOR UPDATE")
LOCKED = Statement("SELECT pg_stat_activity", WAITING)
ATTEMPTS = Statement("SELECT attempt", "SELECT kind, outcome FROM attempt")
EVENTS = Statement("SELECT event", "SELECT count(*) FROM event")


@asynccontextmanager
async def worker_over(folder: Path, database_url: str) -> AsyncIterator[Runtime]:
    """A worker in this process, with a subscriber. Its runner does not run yet, nor do its periodic tasks."""
    delivering = Delivering(folder, database_url)
    hook = delivering.subscribers.hook("road")
    try:
        with patch.dict(os.environ, delivering.worker.environment):
            async with open_runtime(load_settings(os.environ), works=True) as runtime:
                await subscribe(runtime.database, hook.url)
                yield runtime
    finally:
        delivering.subscribers.close()


@asynccontextmanager
async def running(runner: QueueRunner) -> AsyncIterator[None]:
    """Run the runner during the block. Then stop it and wait for its end."""
    task = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(60):
            yield
            runner.stop()
            await task
    finally:
        task.cancel()


async def is_idle(database: Database) -> bool:
    return await database.fetch_value(LEFT) is None


@pytest.mark.parametrize("records", [None, 64], ids=["raw", "keyed"])
async def test_a_full_batch_takes_at_most_two_statements_an_event(
    tmp_path: Path, logged: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, records: int | None
) -> None:
    url, log = logged
    monkeypatch.setattr(batching, "LATE_SECONDS", 3600.0)  # on a slow machine, batches would become small
    await migrate(url)
    async with worker_over(tmp_path, url) as runtime:
        await record(runtime.database, range(512), records)
        before = len(log.read_text(errors="replace"))
        assert runtime.runner is not None
        async with running(runtime.runner):
            await until(partial(is_idle, runtime.database))
        logged_since = log.read_text(errors="replace")[before:]
    statements = _counted(logged_since)

    assert sum(statements.values()) / 512 <= MOST_STATEMENTS, statements.most_common()
    # One ends the jobs and appends the Events, one adds the deliveries and their jobs.
    assert {tuple(text.split()[1] for text in block) for block in _blocks(logged_since)} == {("locked", "placed")}


def _counted(log: str) -> Counter[str]:
    """The statements of Lockstitch in a log by their beginning, without the question of this test."""
    texts = [text for _, text in LOGGED.findall(log)]
    return Counter(kind for text in texts if (kind := " ".join(text.split())[:60]) != LEFT.sql)


async def test_a_steady_event_takes_at_most_three_transactions_of_its_worker(
    tmp_path: Path, logged: tuple[str, Path]
) -> None:
    url, log = logged
    await migrate(url)
    database = await Database.connect(url, settings={"application_name": "test"})
    delivering = Delivering(tmp_path, url)
    hook = delivering.subscribers.hook("road")
    try:
        await subscribe(database, hook.url)
        delivering.worker.start()
        await record(database, range(1000, 1020))
        await until(lambda: len(hook.posts) == 20)
        before = len(log.read_text(errors="replace"))
        began = time.monotonic()
        for number in range(3 * STEADY_RATE):
            await asyncio.sleep(began + number / STEADY_RATE - time.monotonic())
            await record(database, [number])
        await until(partial(is_idle, database))
        transactions = _transactions(log.read_text(errors="replace")[before:])
    finally:
        delivering.worker.stop()
        delivering.subscribers.close()
        await database.close()

    assert transactions / (3 * STEADY_RATE) <= MOST_TRANSACTIONS


def _blocks(log: str) -> list[list[str]]:
    """The statements of each transaction that has several, without those that draw numbers in advance."""
    blocks: dict[str, list[str]] = {}
    ended = []
    for process, text in LOGGED.findall(log):
        if text.startswith("BEGIN"):
            blocks[process] = []
        elif text.startswith("COMMIT"):
            ended.append(blocks.pop(process))
        elif process in blocks and "nextval" not in text:
            blocks[process].append(" ".join(text.split()))
    return ended


def _transactions(log: str) -> int:
    """The number of transactions of Lockstitch in a log: each statement is one, unless it stands in a block."""
    number, in_block = 0, set[str]()
    for process, text in LOGGED.findall(log):
        number += process not in in_block
        if text.startswith("BEGIN"):
            in_block.add(process)
        elif text.startswith(("COMMIT", "ROLLBACK")):
            in_block.discard(process)
    return number


async def test_a_process_listens_with_one_connection(tmp_path: Path, database_url: str) -> None:
    async with worker_over(tmp_path, database_url) as runtime:
        assert runtime.runner is not None
        async with running(runtime.runner):
            await record(runtime.database, range(1))
            await until(partial(is_idle, runtime.database))
            listeners = await runtime.database.fetch_value(LISTENERS)

    assert listeners == 1


async def test_no_statement_of_the_road_is_planned_anew_on_each_call(tmp_path: Path, database_url: str) -> None:
    async with worker_over(tmp_path, database_url) as runtime:
        assert runtime.runner is not None
        async with running(runtime.runner):
            for burst in range(40):
                first = burst * 100
                await record(runtime.database, range(first, first + 1 + burst % 9), None if burst % 2 else 3)
                await until(partial(is_idle, runtime.database))
        async with AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(runtime.database.acquire()) for _ in range(POOL_SIZE)]
            anew = [row["statement"] for session in sessions for row in await session.fetch(PLANNED_ANEW)]
            once = sum([await session.fetch_value(PLANNED_ONCE) for session in sessions])

    assert anew == []
    assert once >= 10


async def test_a_handler_cancelled_while_its_batch_is_committed_is_done(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker_over(tmp_path, database_url) as runtime:
        receipts = await record(runtime.database, range(10))
        upkeep = await open_upkeep(database_url)
        lease = timedelta(seconds=30)
        queue = PostgresQueue(runtime.database, SEALER, lease=lease, policies=POLICIES, upkeep=upkeep, loads=LOADS)
        runner = QueueRunner(
            queue,
            {kind.name: kind.bind(runtime.dependencies) for kind in KINDS.values()},
            policies={"ingest": JobPolicy(attempt_seconds=20.0)},
            lease_seconds=30.0,
            listen=Listener(database_url).listen,
        )
        async with running(runner):
            async with runtime.database.transaction() as transaction:
                await transaction.fetch(HOLD, receipts)
                await until(lambda: _is_locked(runtime.database))
                await until(lambda: _all_are_finishing(runner, len(receipts)))
                clock = time.monotonic
                monkeypatch.setattr(time, "monotonic", lambda: clock() + 21)
                await asyncio.sleep(0.1)  # their time is over
            await until(partial(is_idle, runtime.database))
        attempts = Counter((row["kind"], row["outcome"]) for row in await runtime.database.fetch(ATTEMPTS))
        events = await runtime.database.fetch_value(EVENTS)
        await upkeep.close()

    assert attempts == {("ingest", "done"): 10, ("deliver", "done"): 10}
    assert events == 10


async def _is_locked(database: Database) -> bool:
    return bool(await database.fetch(LOCKED))


def _all_are_finishing(runner: QueueRunner, jobs: int) -> bool:
    finishing = [runner._attempts.is_finishing(job) for job in runner._running.values()]
    return finishing == [True] * jobs
