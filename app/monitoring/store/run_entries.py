"""Entries of runs, written in batches in the background."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import msgspec

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.telemetry.runs import RunRecorder, recorder

EVERY_SECONDS: Final = 0.5
BATCH: Final = 1_000
# The last entries may delay the shutdown this long.
LAST_SECONDS: Final = 3.0

# A crash of the server may lose the last half second of entries, just like a crash of this process.
RELAX = Statement("SELECT settings", "SELECT set_config('synchronous_commit', 'off', true)")

INSERT = Statement(
    "INSERT run_entry",
    """
    INSERT INTO run_entry (correlation_id, kind, at, facts)
    SELECT *
      FROM json_to_recordset($1::text::json) AS entry (correlation_id text, kind text, at timestamptz, facts text)
    """,
)

_log = logging.getLogger("lockstitch.runs")


@asynccontextmanager
async def recording_runs(database: Database, source: RunRecorder = recorder) -> AsyncIterator[None]:
    """Write the entries that are recorded during the block, the last ones at its end."""
    source.open()
    ending = asyncio.Event()
    writer = asyncio.create_task(_write_on(database, source, ending))
    try:
        yield
    finally:
        ending.set()
        await asyncio.wait({writer}, timeout=LAST_SECONDS)
        writer.cancel()
        source.close()


async def _write_on(database: Database, source: RunRecorder, ending: asyncio.Event) -> None:
    while True:
        more = await _write(database, source)
        if more:
            continue
        if ending.is_set():
            return
        try:
            await asyncio.wait_for(ending.wait(), EVERY_SECONDS)
        except TimeoutError:
            continue


async def _write(database: Database, source: RunRecorder) -> bool:
    """Write one batch, and return whether another one waits. If the database is down, keep it for later."""
    entries = source.take(BATCH)
    if not entries:
        return False
    try:
        async with database.transaction() as session:
            await session.execute(RELAX)
            await session.execute(INSERT, msgspec.json.encode(entries).decode())
    except StoreUnavailable:
        source.put_back(entries)
        return False
    except asyncpg.PostgresError:
        _log.exception("entries of runs could not be written; %s are lost", len(entries))
    return len(entries) == BATCH
