"""Figures of queued and running jobs, for operators, gauges and alarms. Reads the whole queue; not for every
request."""

from collections.abc import Sequence

import msgspec

from app.postgres.database import Database, Statement
from app.queue.models import QueueFigures

# A key is blocked by a head that waits for a retry, or by an open dead letter. A job that was attempted before is due
# since it was enqueued, also while it waits for its next attempt or runs.
SELECT = Statement(
    "SELECT job",
    """
    WITH waiting AS (
        SELECT connection, kind,
               count(*) AS depth,
               count(*) FILTER (WHERE state = 'ready' AND run_at <= now()) AS ready,
               count(*) FILTER (WHERE state = 'running') AS running,
               count(*) FILTER (WHERE state = 'ready' AND run_at > now() AND order_key IS NOT NULL
                                  AND attempts > deferred) AS backing_off,
               min(created_at) AS oldest,
               min(CASE WHEN attempts > (state = 'running')::integer THEN created_at
                        WHEN state = 'ready' THEN run_at END) AS due
          FROM job
         GROUP BY connection, kind
    ), dead AS (
        SELECT connection, kind, count(*) AS blocking
          FROM dead_letter
         WHERE state = 'open' AND dead_head = 'block' AND order_key IS NOT NULL
         GROUP BY connection, kind
    )
    SELECT connection, kind,
           coalesce(depth, 0) AS depth, coalesce(ready, 0) AS ready, coalesce(running, 0) AS running,
           coalesce(backing_off, 0) + coalesce(blocking, 0) AS blocked_keys,
           greatest(0, coalesce(extract(epoch FROM now() - oldest), 0))::float8 AS oldest_age,
           greatest(0, coalesce(extract(epoch FROM now() - due), 0))::float8 AS lag
      FROM waiting
      FULL JOIN dead USING (connection, kind)
     ORDER BY connection, kind
    """,
)


COUNT_DEAD_LETTERS = Statement("SELECT dead_letter", "SELECT count(*) FROM dead_letter WHERE state = 'open'")


async def read_figures(database: Database) -> Sequence[QueueFigures]:
    """Return figures by connection and kind, without empty ones."""
    return [msgspec.convert(dict(row), QueueFigures) for row in await database.fetch(SELECT)]


async def count_open_dead_letters(database: Database) -> int:
    """Count the open dead letters."""
    number: int = await database.fetch_value(COUNT_DEAD_LETTERS)
    return number
