"""A caller's budget is one, however many processes it calls."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.http.rate_limit import SharedBudgets
from app.postgres.database import Database, Statement
from tests.required import required


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[list[SharedBudgets]]:
    """Two processes: a call a minute, eight at once."""
    databases = [await Database.connect(database_url, max_size=4) for _ in range(2)]
    yield [SharedBudgets(database, 1, 8) for database in databases]
    for database in databases:
        await database.close()


async def allowed(process: SharedBudgets, principal: str = "key_1") -> bool:
    return required(await process.spend(principal)).allowed


async def test_two_processes_share_the_budget_of_a_key(processes: list[SharedBudgets], database: Database) -> None:
    verdicts = [await allowed(processes[number % 2]) for number in range(10)]
    assert verdicts == [True] * 8 + [False] * 2
    assert await allowed(processes[0], "key_2")
    await database.execute(Statement("UPDATE", "UPDATE caller_budget SET at = at - interval '2 minutes'"))
    restarted = SharedBudgets(database, 1, 8)
    assert [await allowed(restarted) for _ in range(3)] == [True, True, False]


async def test_calls_at_once_get_no_more_than_the_budget(processes: list[SharedBudgets]) -> None:
    verdicts = await asyncio.gather(*(allowed(processes[number % 2]) for number in range(40)))
    assert verdicts.count(True) == 8


async def test_the_headers_say_what_is_left_for_all_processes(processes: list[SharedBudgets]) -> None:
    left = []
    for process in (*processes, *processes):
        decision = required(await process.spend("key_1"))
        left.append(dict(decision.headers)["RateLimit"].partition(";t=")[0])
    assert left == [f'"default";r={number}' for number in (7, 6, 5, 4)]


async def test_without_the_database_each_process_counts_alone(database_url: str) -> None:
    database = await Database.connect(database_url, max_size=1)
    await database.close()
    process = SharedBudgets(database, 1, 2)
    assert [await allowed(process) for _ in range(3)] == [True, True, False]
