"""With 100,000 Events there, a page of the feed reads a page of rows, also of a type that is rare."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from app.events.store.events import RAISE_ERA
from app.events.store.feed_statements import (
    BACKFILLED,
    FEED,
    FEED_OF_CONNECTION,
    FEED_OF_TYPES,
    FIRST_SINCE,
    IS_BEFORE_BACKFILL,
    NEWEST,
    NEWEST_OF_CONNECTION,
    NEWEST_OF_TYPES,
)
from app.postgres.database import SESSION_SETTINGS, Database, Statement
from tests.plans import nodes_of, rows_read

THERE = 100_000
FILL = Statement(
    "INSERT event",
    """
    INSERT INTO event (id, type, connection, scopes, body, correlation_id, created_at)
    SELECT 'evt_0000' || lpad(to_hex(number), 16, '0') || lpad('1', 16, '0'),
           CASE number % 10000 WHEN 0 THEN 'order.deleted' ELSE 'customer.updated' END,
           CASE number % 10000 WHEN 1 THEN 'quiet' ELSE 'busy' END, '{orders:read}', '', 'run',
           timestamptz '2026-01-01' + number * interval '1 second'
      FROM generate_series(1, $1) AS number
    """,
)
START = datetime(2026, 1, 1, tzinfo=UTC)
LATE = "evt_0000" + f"{THERE - 40_000:016x}" + 16 * "0"


@pytest.fixture(scope="module")
def filled_database_url(module_database_url: str) -> str:
    """A database with many Events, of an era that is over."""

    async def fill() -> None:
        database = await Database.connect(module_database_url, max_size=1)
        await database.execute(FILL, THERE)
        await database.execute(Statement("UPDATE event_era", "UPDATE event_era SET era = 1"))
        await database.execute(Statement("VACUUM event", "VACUUM ANALYZE event"))
        await database.close()

    asyncio.run(fill())
    return module_database_url


@pytest.fixture
async def connection(filled_database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """To that database; what a test changes is undone."""
    opened = await asyncpg.connect(filled_database_url, server_settings=dict(SESSION_SETTINGS))
    undone = opened.transaction()
    await undone.start()
    yield opened
    await undone.rollback()
    await opened.close()


@pytest.mark.parametrize(
    ("query", "arguments", "rows"),
    [
        (FEED, (LATE, 50, None), 50),
        (FEED, (LATE, 50, START), 50),
        (FEED_OF_TYPES, (LATE, 50, ["order.deleted"], None, None), 5),
        (FEED_OF_TYPES, (LATE, 50, ["order.deleted"], ["orders:read"], START), 5),
        # Before PostgreSQL 18 the merge reads one of each kind ahead.
        (FEED_OF_TYPES, (LATE, 50, ["order.deleted", "customer.updated"], None, None), 57),
        (FEED_OF_CONNECTION, (LATE, 50, ["order.deleted", "customer.updated"], None, None, "quiet"), 5),
        (BACKFILLED, (LATE, 50, ["order.deleted", "customer.updated"], None, START, None), 0),
        (IS_BEFORE_BACKFILL, (LATE,), 0),
        (NEWEST, (50,), 50),
        (NEWEST_OF_TYPES, ("", 3, ["order.deleted"], None, None), 3),
        (NEWEST_OF_CONNECTION, ("", 3, ["order.deleted", "customer.updated"], None, START, "quiet"), 4),
        (FIRST_SINCE, (START,), 1),
        (RAISE_ERA, (), 1),
    ],
)
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_a_page_reads_a_page(
    connection: "asyncpg.Connection[asyncpg.Record]",
    query: Statement,
    arguments: tuple[object, ...],
    rows: int,
    plan: str,
) -> None:
    await connection.execute(f"SET plan_cache_mode = {plan}")

    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.sql}", *arguments)

    reads = [node for node in nodes_of(json.loads(explained)[0]["Plan"]) if node.get("Relation Name") == "event"]
    assert {node["Node Type"] for node in reads} <= {"Index Scan", "Index Only Scan"}
    assert sum(rows_read(node) for node in reads) <= rows
