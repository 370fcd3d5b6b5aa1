"""Bulk redrives: their remaining dead letters, and how many the rate allows now.

A batch is one transaction that locks the row of its redrive. So no two workers continue a redrive at once, a killed
worker has done all of a batch or nothing, and the next worker continues without waiting for a lease.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.audit import record
from app.dead_letters.models import DeadLetterFilter, NewRedrive, Redrive, RedriveBatch
from app.dead_letters.store.dead_letters import PREVIEWED, values_of
from app.identifiers import new_id
from app.postgres.database import Database, Statement, Transaction
from app.queue.lanes import WAKE

COLUMNS = """
       id, filter, rate_per_second, state, total, redriven, skipped, actor, correlation_id, created_at, updated_at,
       ended_at
"""

INSERT = Statement(
    "INSERT redrive",
    """
    INSERT INTO redrive (id, filter, rate_per_second, total, actor, correlation_id)
    VALUES ($1, $2, $3, 0, $4, $5)
    """,
)

# Letters to skip get no turn: at that time, the job that does their work may have ended.
INSERT_LETTERS = Statement(
    "INSERT redrive_letter",
    f"""
    WITH matching AS (
        {PREVIEWED}
    ), taken AS (
        INSERT INTO redrive_letter (redrive, job_id, dead_letter)
        SELECT $11, job_id, id
          FROM matching
         WHERE NOT is_skipped
    )
    SELECT count(*) AS total, count(*) FILTER (WHERE is_skipped) AS skipped FROM matching
    """,  # noqa: S608 - no caller's text is in it
)

BEGIN = Statement(
    "UPDATE redrive",
    f"""
    UPDATE redrive
       SET total = $2::integer, skipped = $3::integer,
           state    = CASE WHEN $2 = $3 THEN 'done' ELSE 'running' END,
           ended_at = CASE WHEN $2 = $3 THEN now() END,
           due_at   = CASE WHEN $2 > $3 THEN now() END
     WHERE id = $1
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

SELECT_PAGE = Statement(
    "SELECT redrive",
    f"""
    SELECT {COLUMNS}
      FROM redrive
     WHERE ($1::text IS NULL OR id < $1)
     ORDER BY id DESC
     LIMIT $2
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT redrive", f"SELECT {COLUMNS} FROM redrive WHERE id = $1")  # noqa: S608

CANCEL = Statement(
    "UPDATE redrive",
    f"""
    UPDATE redrive
       SET state = 'cancelled', due_at = NULL, ended_at = now(), updated_at = now()
     WHERE id = $1 AND state = 'running'
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

DELETE_LETTERS = Statement("DELETE redrive_letter", "DELETE FROM redrive_letter WHERE redrive = $1")

DUE_IN = Statement(
    "SELECT redrive",
    """
    SELECT coalesce(extract(epoch FROM min(due_at) - now())::float8, 'Infinity') FROM redrive WHERE state = 'running'
    """,
)

# The allowance grows with the time of this database's clock, up to two seconds' worth. So a redrive does not catch up
# in a rush after a time without a worker.
TAKE = Statement(
    "UPDATE redrive",
    f"""
    UPDATE redrive
       SET allowance = coalesce(due.allowance, redrive.allowance), allowed_at = due.at
      FROM (SELECT id AS due_id, clock_timestamp() AS at,
                   least(greatest(1, rate_per_second * 2),
                         allowance + rate_per_second
                                     * greatest(0, extract(epoch FROM clock_timestamp() - allowed_at))::float8
                   ) AS allowance
              FROM redrive
             WHERE state = 'running' AND due_at <= now()
             ORDER BY due_at
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED) AS due
     WHERE id = due.due_id
    RETURNING {COLUMNS},
              CASE WHEN rate_per_second IS NULL THEN $1
                   ELSE least($1, floor(redrive.allowance)::integer) END AS places
    """,  # noqa: S608
)

TAKE_LETTERS = Statement(
    "DELETE redrive_letter",
    """
    WITH turn AS (
        DELETE FROM redrive_letter
         WHERE redrive = $1
           AND job_id = ANY (ARRAY(SELECT job_id FROM redrive_letter WHERE redrive = $1 ORDER BY job_id LIMIT $2))
        RETURNING job_id, dead_letter
    )
    SELECT dead_letter FROM turn ORDER BY job_id
    """,
)

# Skipped letters cost no allowance. The redrive is due again when its next letter is.
NOTE = Statement(
    "UPDATE redrive",
    f"""
    WITH counted AS (
        SELECT id AS counted_id, greatest(0, allowance - $2) AS allowance,
               redriven + skipped + $2 + $3 = total AS is_through
          FROM redrive
         WHERE id = $1
    )
    UPDATE redrive
       SET redriven = redriven + $2, skipped = skipped + $3,
           allowance = CASE WHEN rate_per_second IS NULL THEN 0 ELSE counted.allowance END,
           state     = CASE WHEN is_through THEN 'done' ELSE state END,
           ended_at  = CASE WHEN is_through THEN clock_timestamp() END,
           due_at    = CASE WHEN is_through THEN NULL
                            WHEN rate_per_second IS NULL THEN clock_timestamp()
                            ELSE allowed_at
                                 + make_interval(secs => greatest(0, 1 - counted.allowance) / rate_per_second) END,
           updated_at = clock_timestamp()
      FROM counted
     WHERE id = counted_id
    RETURNING {COLUMNS}
    """,  # noqa: S608
)


class PostgresRedrives:
    """The store of bulk redrives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, transaction: Transaction, new: NewRedrive) -> Redrive:
        """Start a redrive of the dead letters that match now. Those whose work is queued, also by an older one of them,
        are skipped at once. Without any other, it is done at once."""
        redrive_id = new_id("rdv_")
        which = msgspec.json.encode(new.filter).decode()
        await transaction.execute(INSERT, redrive_id, which, new.rate_per_second, new.actor, new.correlation_id)
        (counted,) = await transaction.fetch(INSERT_LETTERS, *values_of(new.filter), None, redrive_id)
        total, skipped = counted["total"], counted["skipped"]
        redrive = _redrive_of(await transaction.fetch_row(BEGIN, redrive_id, total, skipped))
        await transaction.execute(WAKE)
        facts = {"total": total, "rate_per_second": new.rate_per_second}
        await _note(transaction, "redrive.started", redrive, new.actor, **facts)
        if redrive.state == "done":
            await _note(transaction, "redrive.finished", redrive, new.actor, redriven=0, skipped=skipped)
        return redrive

    async def list(self, *, after: str | None, limit: int) -> Sequence[Redrive]:
        """List redrives, newest first, below the id `after`."""
        return [_redrive_of(row) for row in await self._database.fetch(SELECT_PAGE, after, limit)]

    async def get(self, redrive_id: str) -> Redrive | None:
        """Return a redrive by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, redrive_id)
        return None if row is None else _redrive_of(row)

    async def cancel(self, transaction: Transaction, redrive_id: str, *, actor: str) -> bool:
        """Cancel it, after a batch in progress. False if it is not running."""
        row = await transaction.fetch_row(CANCEL, redrive_id)
        if row is None:
            return False
        await transaction.execute(DELETE_LETTERS, redrive_id)
        redrive = _redrive_of(row)
        await _note(
            transaction, "redrive.cancelled", redrive, actor, redriven=redrive.redriven, skipped=redrive.skipped
        )
        return True

    async def due_in(self) -> float:
        """Return the seconds until a redrive is due, perhaps one that another worker continues: 0 or less if one is,
        infinite without any. A new one notifies the workers."""
        seconds: float = await self._database.fetch_value(DUE_IN)
        return seconds

    async def take_batch(self, transaction: Transaction, limit: int) -> RedriveBatch | None:
        """Take the next batch, within its rate, of the redrive that waits longest. None if none is due."""
        row = await transaction.fetch_row(TAKE, limit)
        if row is None:
            return None
        letters = await transaction.fetch(TAKE_LETTERS, row["id"], row["places"])
        return RedriveBatch(redrive=_redrive_of(row), dead_letters=[letter["dead_letter"] for letter in letters])

    async def note_batch(self, transaction: Transaction, batch: RedriveBatch, *, redriven: int) -> None:
        """Record how many of the batch were redriven; the others were skipped. The last batch ends the redrive."""
        skipped = len(batch.dead_letters) - redriven
        redrive = _redrive_of(await transaction.fetch_row(NOTE, batch.redrive.id, redriven, skipped))
        if redrive.state == "done":
            facts = {"redriven": redrive.redriven, "skipped": redrive.skipped}
            await _note(transaction, "redrive.finished", redrive, redrive.actor, **facts)


def _redrive_of(row: Any) -> Redrive:
    return msgspec.convert(
        {**row, "filter": msgspec.json.decode(row["filter"], type=DeadLetterFilter)}, Redrive, from_attributes=True
    )


async def _note(transaction: Transaction, what: str, redrive: Redrive, actor: str, **facts: object) -> None:
    entry = record.Entry(type=what, subject=redrive.id, actor=actor, correlation_id=redrive.correlation_id, facts=facts)
    await record.append(transaction, entry)
