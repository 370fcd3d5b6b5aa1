"""Heartbeats of workers, and the count of open operations."""

from app.postgres.database import Database, Statement

BEAT = Statement(
    "INSERT worker_heartbeat",
    """
    INSERT INTO worker_heartbeat (worker) VALUES ($1)
        ON CONFLICT (worker) DO UPDATE SET seen_at = now()
    """,
)

LAST_SEEN = Statement(
    "SELECT worker_heartbeat",
    "SELECT extract(epoch FROM now() - max(seen_at))::float8 FROM worker_heartbeat",
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


async def beat(database: Database, worker: str) -> None:
    """Record that this worker is alive."""
    await database.execute(BEAT, worker)


async def last_seen(database: Database) -> float | None:
    """Return the seconds since the last heartbeat of any worker, or None without one."""
    age: float | None = await database.fetch_value(LAST_SEEN)
    return age


async def count_open_operations(database: Database) -> dict[str, tuple[int, float]]:
    """Return the number of operations in each open phase, and the age in seconds of the oldest. Those that wait for an
    approval are `waiting`, and in no phase."""
    rows = await database.fetch(COUNT_OPERATIONS)
    return {row["state"]: (row["count"], row["oldest"]) for row in rows}
