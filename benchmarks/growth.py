"""Measure the road with a long history: `python -m benchmarks.growth [ROWS]`, 1,000,000 by default.

It runs the bursts of `benchmarks.road` and of the bare road twice: on empty tables, and with ROWS events, receipts,
deliveries, attempts and sealed audit entries, spread over the retention period. Then it runs steady streams, in turn
alone and while retention removes one day's rows, a thirtieth.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count, islice
from typing import Final

import asyncpg
import uvloop

from app.audit.chain import AuditSealer
from app.audit.record import insert_text
from app.monitoring.retention import reap
from app.monitoring.store.retention import PostgresRetention
from app.postgres.database import Database
from app.settings.file import RetentionSettings
from benchmarks import figures
from benchmarks.road import ROUNDS, WARM_UP, run_burst, sides, waits_of
from benchmarks.road_client import subscriber
from benchmarks.road_stage import RoadStage, set_up
from benchmarks.road_webhooks import VARIANTS

ROWS: Final = 1_000_000
VARIANT: Final = VARIANTS["raw"]
RATE: Final = 100
STEADY_SECONDS: Final = 5
STREAMS: Final = 3
SLOWER_AT_MOST: Final = 0.8
NOTICED_AT_MOST: Final = 2.0
KEPT: Final = RetentionSettings()
SETTINGS: Final = {"max_wal_size": "8GB", "maintenance_work_mem": "128MB"}

TABLES: Final = ("event", "inbound_event", "delivery", "attempt", "audit_event", "audit_seal")
SELECT_INDEXES: Final = """
    SELECT indexname, indexdef
      FROM pg_indexes
     WHERE tablename = ANY ($1) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""
# Arguments: the first number, the last one, the age of the youngest, and the age of the oldest row. `{age}` is the
# column that decides when a row is removed.
AGE: Final = "now() - $3::interval - ($4::interval - $3::interval) * ((n - $1::bigint)::float8 / ($2::bigint - $1 + 1))"
FILL: Final = {
    "event": f"""
        INSERT INTO event (id, type, connection, record, scopes, body, correlation_id, origin, created_at)
        SELECT 'evt_' || lpad(to_hex(n), 36, '0'), 'webhook.received', 'gateway', NULL, ARRAY['events:read'],
               decode(repeat('5a', 240), 'hex'), 'run-' || n, 'in_' || md5(n::text), {AGE}
          FROM generate_series($1::bigint, $2::bigint) AS n
    """,  # noqa: S608 - no caller's text is in it
    "inbound_event": f"""
        INSERT INTO inbound_event (id, connection, dedupe_key, topic, payload, digest, correlation_id, received_at,
                                   settled_at)
        SELECT 'in_' || lpad(to_hex((extract(epoch FROM {AGE}) * 1000)::bigint), 12, '0')
                     || left(md5(n::text), 20), 'gateway', md5(n::text), 'invoice.paid',
               decode(repeat('5a', 200), 'hex'), sha256(n::text::bytea), 'run-' || n, {AGE}, {AGE}
          FROM generate_series($1::bigint, $2::bigint) AS n
    """,  # noqa: S608 - no caller's text is in it
    "delivery": f"""
        INSERT INTO delivery (id, event, subscription, state, attempts, last_status, correlation_id, created_at,
                              ended_at)
        SELECT 'dlv_' || md5(n::text), 'evt_' || lpad(to_hex(n), 36, '0'), 'sub_' || n % 100, 'delivered', 1, 200,
               'run-' || n, {AGE}, {AGE}
          FROM generate_series($1::bigint, $2::bigint) AS n
    """,  # noqa: S608 - no caller's text is in it
    "attempt": f"""
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, started_at, ended_at)
        SELECT -n, 1, 'deliver', 'sub_' || n % 100, 'run-' || n, 'done', {AGE}, {AGE}
          FROM generate_series($1::bigint, $2::bigint) AS n
    """,  # noqa: S608 - no caller's text is in it
}
FILL_AUDIT: Final = insert_text(
    rows="""
    SELECT 'job.processed', 'job_' || n, 'lockstitch', 'run-' || n,
           '{"attempt":1,"connection":"gateway","kind":"ingest"}'
      FROM generate_series(1, $1::bigint) AS n
"""
)
# Without a mark, the sealer looks for gaps in all that is sealed.
SET_MARK: Final = "INSERT INTO audit_sealer SELECT system_identifier, '3', 0 FROM pg_control_system()"
SEALED_AT_ONCE: Final = 20_000
AGES: Final = {
    "event": KEPT.events,
    "inbound_event": KEPT.receipts,
    "delivery": KEPT.deliveries,
    "attempt": KEPT.attempts,
}


def measure(rows: int = ROWS) -> None:
    """Print the figures, in about five minutes."""
    print(f"The whole road with {rows:,} events, receipts, deliveries, attempts and audit entries behind it")
    shares: list[list[float]] = []
    with set_up(VARIANT, settings=SETTINGS) as stage:
        shares.append(uvloop.run(_bursts(stage, "empty tables")))
    with set_up(VARIANT, settings=SETTINGS, prepare=lambda url: _fill(url, rows)) as stage:
        shares.append(uvloop.run(_bursts(stage, "full tables")))
        empty, full = shares
        figures.ratio("of the bare road: full tables to empty ones", full, empty, "at least", SLOWER_AT_MOST)
        uvloop.run(_steady(stage, rows))


def _fill(database_url: str, rows: int) -> None:
    began = time.perf_counter()
    uvloop.run(_fill_all(database_url, rows))
    print(f"  {'filled in':52} {time.perf_counter() - began:9.1f} s")


async def _fill_all(database_url: str, rows: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await fill_history(connection, database_url, rows)
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def fill_history(connection: asyncpg.Connection, database_url: str, rows: int) -> None:
    """Insert events, receipts, deliveries, attempts and sealed audit entries."""
    async with without_indexes(connection, TABLES):
        for table, days in AGES.items():
            await connection.execute(FILL[table], 1, rows, timedelta(), timedelta(days=days - 1))
        await connection.execute(FILL_AUDIT, rows)
    await connection.execute(SET_MARK)
    await _seal(database_url)
    await connection.execute("VACUUM (ANALYZE) audit_seal")


@asynccontextmanager
async def without_indexes(connection: asyncpg.Connection, tables: Sequence[str]) -> AsyncIterator[None]:
    """Fill tables within the block, and index them after it: sorting at the end is several times faster."""
    indexes = await connection.fetch(SELECT_INDEXES, list(tables))
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    yield
    for index in indexes:
        await connection.execute(index["indexdef"])
    for table in tables:
        await connection.execute(f"VACUUM (ANALYZE) {table}")


async def _seal(database_url: str) -> None:
    database = await Database.connect(database_url, max_size=1)
    try:
        while await AuditSealer(database).seal(SEALED_AT_ONCE) == SEALED_AT_ONCE:
            pass
    finally:
        await database.close()


async def _bursts(stage: RoadStage, title: str) -> list[float]:
    """Return the rates of Lockstitch, as shares of the bare road's."""
    numbers = count(1)
    async with subscriber(stage.port) as arrivals:
        floor, ours = sides(stage, VARIANT, {})
        for side in (floor, ours):
            await run_burst(stage, side, list(islice(numbers, WARM_UP)), arrivals)
            side.forget()
        for _ in range(ROUNDS):
            for side in (floor, ours):
                await run_burst(stage, side, list(islice(numbers, VARIANT.burst)), arrivals)
    for side in (floor, ours):
        figures.raw(f"{side.title}, a burst of {VARIANT.burst}, {title}", side, "/s")
    return [one / other for one, other in zip(ours, floor, strict=True)]


async def _steady(stage: RoadStage, rows: int) -> None:
    """Measure the deliveries of a steady stream during retention."""
    numbers = count(1_000_000)
    async with subscriber(stage.port) as arrivals:
        _, ours = sides(stage, VARIANT, {})

        async def slowest() -> float:
            """Return the p99 of a stream."""
            some = list(islice(numbers, RATE * STEADY_SECONDS))
            waits = await waits_of(stage, ours, some, arrivals, RATE)
            return waits[len(waits) * 99 // 100]

        alone, meanwhile, removed, seconds = [], [], 0, 0.0
        for day in range(1, 1 + STREAMS):
            alone.append(await slowest())
            await _add_a_day(stage.database_url, rows, day)
            removing = asyncio.create_task(_remove(stage.database_url))
            meanwhile.append(await slowest())
            gone, took = await removing
            removed, seconds = removed + gone, seconds + took
    figures.raw(f"{RATE}/s, p99 from send to delivery", alone, "ms")
    figures.raw("the same while a day's worth is removed", meanwhile, "ms")
    figures.ratio("p99 with retention to p99 without", meanwhile, alone, "at most", NOTICED_AT_MOST)
    print(f"  {'removed':52} {removed:9,} rows in {seconds:.1f} s")


async def _add_a_day(database_url: str, rows: int, day: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for table, days in AGES.items():
            youngest = timedelta(days=days, minutes=1)
            first, last = (1 + day) * rows + 1, (1 + day) * rows + rows // days
            await connection.execute(FILL[table], first, last, youngest, youngest + timedelta(days=1))
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _remove(database_url: str) -> tuple[int, float]:
    """Remove expired rows, as a worker does. Return their number and the seconds."""
    database = await Database.connect(database_url, max_size=2)
    began, rows = time.perf_counter(), 0
    try:
        more = True
        while more:
            reaped = await reap(PostgresRetention(database, KEPT, operations=timedelta(days=7)))
            rows, more = rows + reaped.rows, reaped.more
    finally:
        await database.close()
    return rows, time.perf_counter() - began


if __name__ == "__main__":
    measure(*map(int, sys.argv[1:2]))
