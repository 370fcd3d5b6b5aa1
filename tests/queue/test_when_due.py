"""Steps that run when something is due: an idle worker seldom asks, and a notification makes it ask at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.dead_letters.models import DeadLetterFilter, NewRedrive
from app.dead_letters.store.redrives import PostgresRedrives
from app.periodic import PeriodicTasks, WhenDue
from app.postgres.database import Database
from app.postgres.listen import Listener
from app.queue.models import JobFailure, NewJob
from tests.dead_letters import bury
from tests.writes.test_lost_races import begun_update, operations_on


@pytest.fixture(autouse=True)
def only_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never ask again after some time."""
    monkeypatch.setattr("app.periodic.ASK_SECONDS", 3600.0)


@asynccontextmanager
async def looping(url: str, due_in: Callable[[], Awaitable[float]]) -> AsyncIterator[None]:
    """Have a step notice that nothing is due, run the block, and wait until the step runs."""
    ran, listening, times = asyncio.Event(), asyncio.Event(), 0

    async def count() -> float:
        nonlocal times
        times += 1
        return await due_in()

    async def step() -> bool:
        ran.set()
        return False

    def woken() -> None:
        when_due.wake()
        listening.set()

    when_due, listener = WhenDue(count, step), Listener(url)
    tasks = [asyncio.create_task(listener.listen(woken))]
    try:
        async with asyncio.timeout(60):
            await listening.wait()  # which wakes it once
            for _ in range(10):
                assert not await when_due()
            assert times == 1
            tasks.append(asyncio.create_task(PeriodicTasks().run("due", 0.05, when_due)))
            yield
            await ran.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_new_redrive_is_due_at_once(database: Database, database_url: str) -> None:
    redrives = PostgresRedrives(database)
    failure = JobFailure(category="permanent", reason="Broken")
    await bury(database_url, NewJob(kind="k", connection="crm", payload=b"{}", correlation_id="run-1"), failure=failure)
    async with looping(database_url, redrives.due_in), database.transaction() as transaction:
        new = NewRedrive(filter=DeadLetterFilter(), rate_per_second=None, actor="ada", correlation_id="run-2")
        assert (await redrives.start(transaction, new)).state == "running"


async def test_a_postponed_operation_is_due_when_it_says(database: Database, database_url: str) -> None:
    operations = operations_on(database)
    begun = await begun_update(operations, deferred=False)
    async with looping(database_url, operations.due_in):
        await operations.postpone(begun, seconds=0.2, sent=True)
    assert [due.operation.id for due in await operations.claim_due(1)] == [begun.operation.id]
