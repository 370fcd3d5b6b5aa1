"""Prove that the database can store something: a row, its log, and a file that grows."""

import asyncio
from typing import Final

import asyncpg

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.fault import DatabaseFault, fault_of

# A database that commits nothing for so long, such as one that waits for a lost standby, cannot be used.
SECONDS: Final = 5.0

# Another process that hangs in its proof keeps the row. A record in the log is then the proof.
UPDATE = Statement(
    "UPDATE write_proof",
    """
    UPDATE write_proof
       SET proven_at = now()
     WHERE id = (SELECT id FROM write_proof FOR NO KEY UPDATE SKIP LOCKED)
    """,
)
LOG = Statement("SELECT pg_logical_emit_message", "SELECT pg_logical_emit_message(true, 'lockstitch', '') IS NOT NULL")

# On a full disk, rows still change while their files have room. So a temporary file grows too, on the disk of the
# database. It ends with the statement.
SMALL_MEMORY = Statement(
    "SELECT set_config", "SELECT set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)"
)
GROW = Statement("SELECT generate_series", "SELECT count(*) FROM generate_series(1, 6000)")

OTHERWISE: Final = "Read the log of PostgreSQL; check its disk and its standbys, then: lockstitch doctor"


async def write_fault(database: Database) -> DatabaseFault | None:
    """Write to the database. Return why that fails, or None. Raises StoreUnavailable if it does not answer at all."""
    try:
        async with asyncio.timeout(SECONDS), database.transaction() as session:
            await session.execute(SMALL_MEMORY)
            await session.fetch_value(GROW)
            if not await session.execute(UPDATE):
                await session.fetch_value(LOG)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, asyncpg.ConfigurationLimitExceededError):
            return None  # `temp_file_limit` says nothing about the disk
        if (fault := fault_of(error)) is not None:
            return fault
        raise
    except TimeoutError:
        return DatabaseFault(why=f"the database stored nothing for {SECONDS:.0f} s", fix=OTHERWISE)
    except asyncpg.PostgresError as error:
        return DatabaseFault(why=f"the database stores nothing ({type(error).__name__})", fix=OTHERWISE)
    return None
