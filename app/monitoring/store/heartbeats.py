"""Heartbeats of processes, and the count of open operations."""

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.errors import StoreUnavailable
from app.monitoring.models import Beat
from app.periodic import repeating
from app.postgres.database import Database, Session, Statement
from app.postgres.listen import LIVES

BEAT_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 60.0
"""After this long without a heartbeat a process counts as dead."""

BEAT = Statement(
    "INSERT heartbeat",
    """
    INSERT INTO heartbeat (process, role, holder, settings, keys) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (process) DO UPDATE SET holder = excluded.holder, seen_at = now()
    RETURNING xmax = 0
    """,
)

# A process that starts takes the place of one that has died, on the same host if there is one.
REPLACE = Statement(
    "DELETE heartbeat",
    f"""
    DELETE FROM heartbeat
     WHERE process = (SELECT process
                        FROM heartbeat AS dead
                       WHERE role = $2 AND process <> $1 AND NOT {LIVES.format(number="dead.holder")}
                       ORDER BY split_part(process, ':', 1) = split_part($1, ':', 1) DESC, seen_at
                       LIMIT 1
                         FOR UPDATE SKIP LOCKED)
    """,  # noqa: S608 - no caller's text is in it
)

LEAVE = Statement("DELETE heartbeat", "DELETE FROM heartbeat WHERE process = $1")

LAST_SEEN = Statement(
    "SELECT heartbeat",
    "SELECT extract(epoch FROM now() - max(seen_at))::float8 FROM heartbeat WHERE role = 'worker'",
)

SELECT_BEATS = Statement(
    "SELECT heartbeat",
    """
    SELECT process, role, settings, keys, extract(epoch FROM now() - started_at)::float8 AS age,
           extract(epoch FROM now() - seen_at)::float8 AS silent
      FROM heartbeat
     ORDER BY process
    """,
)

COUNT_OPERATIONS = Statement(
    "SELECT operation",
    """
    SELECT CASE WHEN approval = 'waiting' THEN approval ELSE phase END AS state, count(*)::bigint AS count,
           coalesce(max(extract(epoch FROM now() - created_at)), 0)::float8 AS oldest
      FROM operation
     WHERE phase <> 'settled'
     GROUP BY 1
    """,
)


@asynccontextmanager
async def beating(
    database: Database, role: str, number: int, *, settings: str, keys: Sequence[str]
) -> AsyncIterator[None]:
    """Record every BEAT_SECONDS that this process lives, for the duration of the block."""
    process = f"{socket.gethostname()}:{os.getpid()}"

    async def beat() -> None:
        if await database.fetch_value(BEAT, process, role, number, settings, keys):
            await database.execute(REPLACE, process, role)

    async with repeating("a heartbeat", BEAT_SECONDS, beat, at_once=True):
        yield
    try:
        await database.execute(LEAVE, process)
    except StoreUnavailable:
        return  # it will seem to have died


async def last_seen(database: Database) -> float | None:
    """Return the seconds since the last heartbeat of any worker, or None without one."""
    age: float | None = await database.fetch_value(LAST_SEEN)
    return age


async def read_beats(session: Session | Database) -> Sequence[Beat]:
    """Return the processes that live or have died."""
    return [Beat(**row) for row in await session.fetch(SELECT_BEATS)]


async def read_keys(database: Database) -> Mapping[str, Sequence[str]]:
    """Return the ids of the encryption keys of each process that lives and has any, the one that seals first."""
    beats = await read_beats(database)
    return {beat.process: beat.keys for beat in beats if beat.keys and beat.silent <= SILENT_SECONDS}


async def count_open_operations(database: Database) -> dict[str, tuple[int, float]]:
    """Return the number of operations in each open phase, and the age in seconds of the oldest. Those that wait for an
    approval are `waiting`, and in no phase."""
    rows = await database.fetch(COUNT_OPERATIONS)
    return {row["state"]: (row["count"], row["oldest"]) for row in rows}
