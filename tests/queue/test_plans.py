"""With 100,000 jobs waiting, each statement that runs per job reads a handful of rows, even if its plan was made on
empty tables."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from app.capabilities import LOADS
from app.postgres.database import SESSION_SETTINGS, Database, Statement
from app.queue.claim import RING, THESE, UPKEEP_SETTINGS, claiming
from app.queue.models import JobFailure
from tests.plans import nodes_of, rows_read
from tests.queue.harness import Harness, new

WAITING = 100_000
FILL = Statement(
    "INSERT job",
    """
    INSERT INTO job (kind, connection, order_key, state, max_attempts, dead_head, payload, correlation_id)
    SELECT 'work', 'crowd-' || number / 2 % 20, 'record-' || number / 2,
           CASE number % 2 WHEN 0 THEN 'ready' ELSE 'behind' END, 8, 'skip', '', 'run'
      FROM generate_series(0, $1 - 1) AS number
    """,
)
VACUUM = Statement("VACUUM job", "VACUUM ANALYZE job, lane, dead_letter, attempt")
ANALYZE = Statement("ANALYZE job", "ANALYZE job, lane, dead_letter, attempt")
FLUSH = Statement("SELECT pg_stat", "SELECT pg_stat_force_next_flush()")
ROWS_READ = Statement(
    "SELECT pg_stat_user_tables",
    """
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
         + (SELECT sum(idx_tup_read)::bigint
              FROM pg_stat_user_indexes
             WHERE relname IN ('job', 'dead_letter', 'attempt'))
      FROM pg_stat_user_tables
     WHERE relname IN ('job', 'dead_letter', 'attempt')
    """,
)


@asynccontextmanager
async def single_connections(url: str) -> AsyncIterator[tuple[Harness, tuple[Database, Database]]]:
    """A harness whose statements are prepared once, and so keep the plans that they have."""
    main = await Database.connect(url, max_size=1)
    upkeep = await Database.connect(url, max_size=1, settings=UPKEEP_SETTINGS)
    try:
        yield Harness(main, upkeep=upkeep), (main, upkeep)
    finally:
        await upkeep.close()
        await main.close()


@pytest.mark.parametrize(("of", "lanes"), [(RING, "crowd-7"), (THESE, ["crowd-7", "crowd-9"])])
async def test_a_claim_goes_by_its_indexes(
    harness: Harness, database_url: str, of: str, lanes: str | list[str]
) -> None:
    await harness.enqueue(*(new(connection=f"crowd-{number}") for number in range(20)))
    await harness.claim_all()
    await harness.database.execute(FILL, WAITING)
    await harness.database.execute(VACUUM)
    connection = await asyncpg.connect(database_url, server_settings={**SESSION_SETTINGS, **UPKEEP_SETTINGS})
    try:
        limits = (["crowd-8"], [3], 10, uuid4(), timedelta(seconds=30), [0])
        arguments = (lanes, 10, *limits, ["crowd-9 1"], [2], ["crowd-7 2"], ["crowd-7 3"], 7)
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {claiming(of, LOADS).sql}", *arguments)
    finally:
        await connection.close()

    nodes = list(nodes_of(json.loads(explained)[0]["Plan"]))
    loaded = {node["Index Name"] for node in nodes if node.get("Relation Name") in ("inbound_event", "delivery")}
    assert loaded == {"inbound_event_pkey", "delivery_pkey"}
    reads = [node for node in nodes if node.get("Relation Name") == "job" and node["Node Type"] != "ModifyTable"]
    assert {node["Node Type"] for node in reads} <= {"Index Scan", "Index Only Scan"}
    assert {node["Index Name"] for node in reads} == {"job_ready", "job_pkey"}
    assert sum(rows_read(node) for node in reads) <= 30


@pytest.mark.parametrize("analysed", ["once full", "when almost empty", "never"])
async def test_plans_made_on_empty_tables_still_use_indexes(database_url: str, analysed: str) -> None:
    async with single_connections(database_url) as (harness, databases):
        await harness.database.execute(VACUUM)
        for number in range(20):
            await harness.pauses.pause(f"crowd-{number}", actor="ada", note="not part of it")
        for _ in range(8):
            await _live(harness)
        if analysed == "when almost empty":  # as by autovacuum just before a burst
            await harness.database.execute(ANALYZE)
        await harness.database.execute(FILL, WAITING)
        if analysed == "once full":
            await harness.database.execute(VACUUM)
        before = await _rows_read_so_far(databases)
        for _ in range(5):
            await _live(harness)
        after = await _rows_read_so_far(databases)

    # Each of its claims passes twenty paused connections; one look at all the jobs would be a hundred times as much.
    assert after - before < 5 * 1_000


async def _live(harness: Harness) -> None:
    """Everything that happens to jobs."""
    await harness.enqueue(
        *(new(order_key=str(number), dedupe_key=str(number)) for number in range(4)), new(order_key="0")
    )
    jobs = await harness.claim_all()
    await harness.queue.leases.extend(jobs)
    await harness.queue.expire(10)
    finished, retried, dead, left = jobs
    async with harness.finishing(finished):
        pass
    await harness.queue.retry(retried, "timeout", after=0.0)
    identity = await harness.queue.bury(dead, JobFailure(category="permanent", reason="no"))
    async with harness.database.transaction() as session:
        await harness.dead_letters.redrive(session, identity, actor="ada")
    await harness.queue.give_back([left], "enough")
    await harness.queue.finish([(job, None) for job in await harness.claim_all()])


async def _rows_read_so_far(databases: tuple[Database, Database]) -> int:
    for database in databases:
        await database.execute(FLUSH)
    return await databases[0].fetch_value(ROWS_READ)
