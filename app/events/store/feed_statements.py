"""The statements that read Events in the order of their ids, up to the horizon."""

from typing import Final

from app.events.statements import COLUMNS, ERA_DIGITS, NOT_OF_BACKFILL, OF_BACKFILL
from app.events.types import BY_NAME_ONLY, EVENT_TYPES
from app.postgres.database import Statement

HORIZON: Final = f"""
       (SELECT {ERA_DIGITS} || lpad(to_hex(pg_snapshot_xmin(pg_current_snapshot())::text::bigint), 16, '0')
          FROM event_era)
"""  # noqa: S608
"""The id of the oldest open transaction. Events of earlier eras ended in another cluster, and sort below it."""

WITH_WILDCARD: Final = tuple(name for name in EVENT_TYPES if name not in BY_NAME_ONLY)
WITHOUT_WILDCARD: Final = ", ".join(f"'{name}'" for name in sorted(BY_NAME_ONLY))

FEED = Statement(
    "SELECT event",
    f"""
    SELECT {COLUMNS}
      FROM event
     WHERE id > $1 AND id < {HORIZON}
       AND ($3::timestamptz IS NULL OR created_at >= $3)
       AND type NOT IN ({WITHOUT_WILDCARD})
       AND {NOT_OF_BACKFILL}
     ORDER BY id
     LIMIT $2
    """,  # noqa: S608
)


# Each type by itself, compared as a pair, which only an index of types can serve. With `type = …` the planner scans
# the primary key and discards the other types, which is nearly everything for a rare type.
def _of_types(order: str, narrowed: str = "") -> Statement:
    """Return the statement for Events after $1, in an order of ids. $3 are the types, $4 scopes, $5 the time."""
    return Statement(
        "SELECT event",
        f"""
        SELECT {COLUMNS}
          FROM unnest($3::text[]) AS wanted (name)
         CROSS JOIN LATERAL (
               SELECT *
                 FROM event
                WHERE (type, id) > (wanted.name, $1) AND (type, id) < (wanted.name, {HORIZON})
                  AND ($4::text[] IS NULL OR scopes <@ $4)
                  AND ($5::timestamptz IS NULL OR created_at >= $5)
                  AND {NOT_OF_BACKFILL}
                  {narrowed}
                ORDER BY type {order}, id {order}
                LIMIT $2) AS found
         ORDER BY id {order}
         LIMIT $2
        """,  # noqa: S608
    )


FEED_OF_TYPES = _of_types("ASC")
FEED_OF_CONNECTION = _of_types("ASC", "AND connection = $6")
BACKFILLED = Statement(
    "SELECT event",
    f"""
    SELECT {COLUMNS}
      FROM event
     WHERE {OF_BACKFILL}
       AND id > $1 AND id < {HORIZON}
       AND type = ANY ($3::text[])
       AND ($4::text[] IS NULL OR scopes <@ $4)
       AND ($5::timestamptz IS NULL OR created_at >= $5)
       AND ($6::text IS NULL OR connection = $6)
     ORDER BY id
     LIMIT $2
    """,  # noqa: S608
)
# The index of each type leaves out the Events of backfills. The primary key does not: a reader before a large backfill
# would skip all of its Events at each poll.
IS_BEFORE_BACKFILL = Statement(
    "SELECT event",
    f"SELECT EXISTS (SELECT FROM event WHERE {OF_BACKFILL} AND id > $1)",  # noqa: S608
)
NEWEST_OF_TYPES = _of_types("DESC")
NEWEST_OF_CONNECTION = _of_types("DESC", "AND connection = $6")
# A transaction gets its id later than its time, so an Event with an earlier id may have a later time. Lockstitch's
# transactions take seconds at most.
FIRST_SINCE = Statement(
    "SELECT event",
    "SELECT id FROM event WHERE created_at >= $1::timestamptz - interval '1 minute' ORDER BY created_at LIMIT 1",
)

NEWEST = Statement(
    "SELECT event",
    f"""
    SELECT {COLUMNS}
      FROM event
     WHERE id < {HORIZON}
     ORDER BY id DESC
     LIMIT $1
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT event", f"SELECT {COLUMNS} FROM event WHERE id = $1")  # noqa: S608
