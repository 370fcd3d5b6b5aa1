"""Connections pass from one use to the next, and go back to asyncpg's pool when something is wrong or they are old."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.postgres import pool
from app.postgres.database import Database, Statement
from tests.queue.harness import until

PROCESS = Statement("SELECT backend", "SELECT pg_backend_pid()")
FAILING = Statement("SELECT nothing", "SELECT 1 / 0")
SLOW = Statement("SELECT sleep", "SELECT pg_sleep(30)")
END = Statement("SELECT end", "SELECT pg_terminate_backend($1)")


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    """A database with one connection."""
    database = await Database.connect(empty_database_url, max_size=1, acquire_timeout=30)
    yield database
    await database.close()


def waiting(database: Database) -> int:
    """Return how many connections wait for their next user."""
    return len(database._pool._waiting)


def is_lost(database: Database) -> bool:
    """Return whether the only waiting connection is known to have ended."""
    try:
        return database._pool._waiting[0].is_closed()
    except asyncpg.InterfaceError:  # asyncpg's pool has taken it back
        return True


async def test_a_connection_passes_to_the_next_user(database: Database) -> None:
    first = await database.fetch_value(PROCESS)
    assert waiting(database) == 1
    assert await database.fetch_value(PROCESS) == first


async def test_a_connection_whose_use_failed_goes_back_to_asyncpg(database: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.fetch_value(FAILING)
    assert waiting(database) == 0
    assert await database.fetch_value(PROCESS)


async def test_a_cancelled_query_does_not_run_on_for_the_next_user(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await database.fetch_value(SLOW)
    async with asyncio.timeout(20):
        assert await database.fetch_value(PROCESS)


async def test_a_user_who_waits_gets_the_connection(database: Database) -> None:
    async with database.acquire():
        queries = [asyncio.create_task(database.fetch_value(PROCESS)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in queries)
    assert len({*await asyncio.gather(*queries)}) == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced(database: Database, empty_database_url: str) -> None:
    process = await database.fetch_value(PROCESS)
    other = await Database.connect(empty_database_url)
    await other.fetch_value(END, process)
    await other.close()
    await until(lambda: is_lost(database))
    assert await database.fetch_value(PROCESS) != process


async def test_a_connection_that_waits_goes_back_in_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEEP_SECONDS", 0.05)
    await database.fetch_value(PROCESS)
    await until(lambda: not waiting(database))
    assert await database.fetch_value(PROCESS)


async def test_a_closed_pool_lends_nothing(database: Database) -> None:
    await database.fetch_value(PROCESS)
    await database.close()
    with pytest.raises(StoreUnavailable):
        await database.fetch_value(PROCESS)
