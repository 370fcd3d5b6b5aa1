"""Backfills. Their counts move in the transaction that ends the job of a page."""

from collections.abc import Sequence
from typing import Final

import msgspec

from app.postgres.database import Database, Statement, Transaction
from app.queue.lanes import WAKE
from app.records.statements import EFFECTS_AT, appending
from app.walks.backfill.models import Backfill, NewBackfill
from app.walks.models import PAGE
from app.walks.store import failure_of, has_job

COLUMNS: Final = f"""
       id, connection, object, since, rate, deliver, is_dry_run AS dry_run, state,
       {failure_of("backfill", "walk.id = backfill.id")} AS failure, total, pages, records, new, known,
       differing, unreadable, resumed_at, resumed_with, actor, correlation_id, created_at, updated_at, ended_at
"""

# Records are expected where a list was once read to its end. Then each record of it has a state.
INSERT = Statement(
    "INSERT backfill",
    """
    INSERT INTO backfill (id, connection, object, since, rate, deliver, is_dry_run, actor, correlation_id, total)
    SELECT $1, $2::text, $3::text, $4::timestamptz, $5::float8, $6::text[], $7::boolean, $8, $9,
           CASE WHEN $4::timestamptz IS NULL
                 AND (   EXISTS (SELECT FROM watermark
                                  WHERE connection = $2 AND object = $3 AND completed_at IS NOT NULL)
                      OR EXISTS (SELECT FROM backfill
                                  WHERE connection = $2 AND object = $3 AND state = 'completed' AND since IS NULL
                                    AND NOT is_dry_run))
                THEN (SELECT count(*) FROM record_state
                       WHERE object = $3 AND connection = $2 AND NOT deleted)
           END
        ON CONFLICT (connection, object) WHERE ended_at IS NULL DO NOTHING
    RETURNING id
    """,
)

SELECT_ACTIVE = Statement(
    "SELECT backfill",
    f"SELECT {COLUMNS} FROM backfill WHERE connection = $1 AND object = $2 AND ended_at IS NULL",  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT backfill", f"SELECT {COLUMNS} FROM backfill WHERE id = $1")  # noqa: S608

SELECT_PAGE = Statement(
    "SELECT backfill",
    f"""
    SELECT {COLUMNS}
      FROM backfill
     WHERE ($1::text IS NULL OR id < $1)
     ORDER BY id DESC
     LIMIT $2
    """,  # noqa: S608 - no caller's text is in it
)

PAUSE = Statement(
    "UPDATE backfill",
    "UPDATE backfill SET state = 'paused', updated_at = now() WHERE id = $1 AND state = 'running'",
)

# Also one that has died.
RESUME = Statement(
    "UPDATE backfill",
    f"""
    UPDATE backfill
       SET state = 'running', resumed_at = now(), resumed_with = records, updated_at = now()
     WHERE id = $1
       AND (state = 'paused'
            OR EXISTS (SELECT FROM walk WHERE walk.id = backfill.id AND NOT {has_job("walk")}))
    """,  # noqa: S608 - no caller's text is in it
)

HURRY = Statement(
    "UPDATE job",
    f"""
    UPDATE job
       SET run_at = now()
     WHERE kind = '{PAGE}' AND connection = $2 AND dedupe_key = $1 AND state = 'ready' AND run_at > now()
    """,  # noqa: S608
)

# The walk before the backfill, as in the commit of a page. Without its walk, the job of the next page is done.
CANCEL = Statement(
    "UPDATE backfill",
    """
    WITH ended AS (
        DELETE FROM walk WHERE id = $1 RETURNING id
    )
    UPDATE backfill
       SET state = 'cancelled', updated_at = now(), ended_at = now()
      FROM (SELECT count(*) FROM ended) AS walks
     WHERE id = $1 AND ended_at IS NULL
    """,
)

ID, CURSOR, RECORDS, CHANGED, NEW, KNOWN, DIFFERING, UNREADABLE = (
    f"(SELECT ${number}::{kind})" for number, kind in enumerate(("text", "text", *["bigint"] * 6), start=EFFECTS_AT)
)

# The arguments: the id, the next cursor, None at the end, and what to add to the counts. One that was paused in its
# last page has completed. One that was cancelled stays cancelled, and counts the page.
BACKFILLED = appending(
    f"""moved AS (
        UPDATE walk
           SET cursor = {CURSOR}, pages = pages + 1, records = records + {RECORDS}, changed = changed + {CHANGED},
               unreadable = unreadable + {UNREADABLE}
         WHERE id = {ID} AND {CURSOR} IS NOT NULL
        RETURNING id
    ), over AS (
        DELETE FROM walk WHERE id = {ID} AND {CURSOR} IS NULL
        RETURNING id
    ), counted AS (
        UPDATE backfill
           SET pages = pages + 1, records = records + {RECORDS}, new = new + {NEW}, known = known + {KNOWN},
               differing = differing + {DIFFERING}, unreadable = unreadable + {UNREADABLE}, updated_at = now(),
               state = CASE WHEN walks.ended > 0 AND ended_at IS NULL THEN 'completed' ELSE state END,
               ended_at = CASE WHEN walks.ended > 0 THEN coalesce(ended_at, now()) ELSE ended_at END
          FROM (SELECT (SELECT count(*) FROM moved) AS going, (SELECT count(*) FROM over) AS ended) AS walks
         WHERE id = {ID}
    )"""  # noqa: S608 - no caller's text is in it
)


class PostgresBackfills:
    """The store of backfills."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, transaction: Transaction, new: NewBackfill) -> bool:
        """Insert a backfill. False if one of its object and connection has not ended."""
        deliver = None if new.deliver is None else list(new.deliver)
        values = (new.id, new.connection, new.object, new.since, new.rate, deliver, new.dry_run, new.actor)
        return await transaction.fetch_row(INSERT, *values, new.correlation_id) is not None

    async def active(self, connection: str, object_name: str) -> Backfill | None:
        """Return the backfill of an object that has not ended."""
        row = await self._database.fetch_row(SELECT_ACTIVE, connection, object_name)
        return None if row is None else msgspec.convert(dict(row), Backfill)

    async def get(self, backfill_id: str) -> Backfill | None:
        """Return a backfill by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, backfill_id)
        return None if row is None else msgspec.convert(dict(row), Backfill)

    async def list(self, *, after: str | None, limit: int) -> Sequence[Backfill]:
        """List backfills, newest first, below the id `after`."""
        return [msgspec.convert(dict(row), Backfill) for row in await self._database.fetch(SELECT_PAGE, after, limit)]

    async def pause(self, transaction: Transaction, backfill_id: str) -> bool:
        """Pause it after the page in progress. False if it does not run."""
        return bool(await transaction.execute(PAUSE, backfill_id))

    async def resume(self, transaction: Transaction, backfill_id: str) -> bool:
        """Let it go on. False if it is not paused."""
        return bool(await transaction.execute(RESUME, backfill_id))

    async def hurry(self, transaction: Transaction, backfill: Backfill) -> None:
        """Run the job of its next page now."""
        await transaction.execute(HURRY, backfill.id, backfill.connection)
        await transaction.execute(WAKE)

    async def cancel(self, transaction: Transaction, backfill_id: str) -> bool:
        """End it after the page in progress. False if it has ended."""
        return bool(await transaction.execute(CANCEL, backfill_id))
