"""Walks and watermarks. A walk moves only in the transaction that ends the job of its page."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from app.postgres.database import Database, Statement, Transaction
from app.queue.enqueue import job_subject
from app.queue.leases import HOLDING
from app.queue.models import Job, LeaseLost
from app.records.models import REFETCH, record_key
from app.records.statements import EFFECTS_AT, appending
from app.settings.pull import STOCK_LEVEL
from app.walks.models import (
    PAGE,
    PRECEDENCE,
    AnyWalk,
    DuePull,
    NewWalk,
    PageCounts,
    PullPlan,
    PullState,
    StockWalk,
    Walk,
)
from canonical.parts import ObjectName

SKEW: Final = "2 minutes"
"""How much earlier than ours a vendor's clock may be."""
SOON: Final = 300.0
"""Seconds between two pulls of which the second is due because webhooks were refused."""


def has_job(walk: str) -> str:
    """Return a condition in SQL: a row `walk` has the job of its next page. One without has died."""
    return f"""EXISTS (SELECT
                         FROM job
                        WHERE kind = '{PAGE}' AND job.connection = {walk}.connection
                          AND dedupe_key IN ({walk}.id, {walk}.purpose || ' ' || {walk}.object))"""  # noqa: S608


def failure_of(run: str, which: str) -> str:
    """Return a value in SQL: why the last run of a row `run` failed, or that its walk has died; `which` is the
    condition of the walk."""
    return f"""coalesce((SELECT 'dead-letter'
                                || coalesce(': ' || (SELECT reason
                                                       FROM dead_letter AS letter
                                                      WHERE kind = '{PAGE}' AND letter.connection = walk.connection
                                                        AND state = 'open' AND origin = walk.id
                                                      ORDER BY id DESC
                                                      LIMIT 1), '')
                          FROM walk
                         WHERE {which} AND NOT {has_job("walk")}),
                       {run}.failure)"""  # noqa: S608 - no caller's text is in it


PULL_FAILURE: Final = failure_of(
    "mark", "walk.connection = mark.connection AND walk.object = mark.object AND purpose = 'pull'"
)

# After refused webhooks, as soon as the vendor's are verified again, unless a run has begun since. Anyone can send a
# webhook that is refused, so not more often than every five minutes. One that is due while another runs follows it.
DUE = Statement(
    "SELECT watermark",
    f"""
    SELECT plan.connection, plan.object, mark.watermark, mark.started_at, mark.completed_at IS NOT NULL AS has_baseline,
           mark.tried_at
      FROM unnest($1::text[], $2::text[], $3::float8[]) AS plan (connection, object, every)
      LEFT JOIN watermark AS mark USING (connection, object)
      LEFT JOIN webhook_standing AS webhooks USING (connection)
     WHERE (mark.tried_at IS NULL
            OR mark.tried_at <= now() - make_interval(secs => plan.every)
            OR (webhooks.refused_at > mark.tried_at AND webhooks.verified_at > webhooks.refused_at
                AND mark.tried_at <= now() - make_interval(secs => least(plan.every, $4))))
       AND NOT EXISTS (SELECT FROM job
                        WHERE kind = '{PAGE}' AND job.connection = plan.connection
                          AND dedupe_key = 'pull ' || plan.object)
     ORDER BY plan.connection, plan.object
    """,  # noqa: S608 - no caller's text is in it
)

# One of several workers starts a run: the one that saw when the last run was started.
CLAIM = Statement(
    "INSERT watermark",
    """
    INSERT INTO watermark AS mark (connection, object, tried_at)
    VALUES ($1, $2, now())
        ON CONFLICT (connection, object) DO UPDATE SET tried_at = now()
     WHERE mark.tried_at IS NOT DISTINCT FROM $3
    RETURNING connection
    """,
)

# A walk whose job is gone goes on as it was, after its last committed page: its job became a dead letter.
START = Statement(
    "INSERT walk",
    f"""
    INSERT INTO walk AS old (id, connection, object, purpose, since, is_baseline, page_size, correlation_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (connection, object, purpose) DO UPDATE SET purpose = excluded.purpose
     WHERE NOT {has_job("old")}
    RETURNING id, connection, object, purpose, since, is_baseline, page_size, correlation_id
    """,  # noqa: S608 - no caller's text is in it
)

POISON: Final = f"""
                     FROM dead_letter AS letter
                    WHERE letter.connection = {{row}}.connection AND kind IN ('{REFETCH}', 'reconcile')
                      AND state = 'open' AND category = 'poison' AND starts_with(dedupe_key, {{row}}.object || ':')"""
"""The records that have ended the worker that read them, until an operator decides."""

# An attempt has the name of an exception as its reason if the fault is ours.
GET = Statement(
    "SELECT walk",
    f"""
    SELECT walk.*, clock_timestamp() AS looked_at,
           EXISTS (SELECT
                     FROM walk AS other
                     LEFT JOIN backfill ON backfill.id = other.id
                    WHERE other.connection = walk.connection AND other.object = walk.object
                      AND array_position($2::text[], other.purpose) < array_position($2::text[], walk.purpose)
                      AND backfill.state IS DISTINCT FROM 'paused'
                      AND {has_job("other")}) AS is_preempted,
           (SELECT count(*)
              FROM attempt
             WHERE job_id = $3
               AND (outcome = 'lost' OR (outcome = 'retried' AND (reason = 'timed out' OR reason ~ '^[A-Z]')))
           ) AS deaths,
           ARRAY(SELECT substr(dedupe_key, length(walk.object) + 2) {POISON.format(row="walk")}) AS poison,
           mark.started_at AS pulled_at, own.rate, own.deliver,
           coalesce(own.is_dry_run, false) AS is_dry_run,
           coalesce(own.state = 'paused', false) AS is_paused
      FROM walk
      LEFT JOIN backfill AS own ON own.id = walk.id
      LEFT JOIN watermark AS mark ON mark.connection = walk.connection AND mark.object = walk.object
     WHERE walk.id = $1
    """,  # noqa: S608
)

KINDS: Final = ("text", "timestamptz", "text", "bigint", "bigint", "bigint")


def _paged(*, first: int) -> str:
    """Return the part of a WITH that moves a walk past a page. Its arguments from `$first` on: the walk's id, the
    latest change in the page, the next cursor, and what to add to the counts."""
    id, newest, cursor, records, changed, unreadable = _values(first)
    return f"""paged AS (
        UPDATE walk
           SET cursor = {cursor}, newest = greatest(newest, {newest}), pages = pages + 1, records = records + {records},
               changed = changed + {changed}, unreadable = unreadable + {unreadable}
         WHERE id = {id}
    )"""  # noqa: S608 - no caller's text is in it


def _ended(*, first: int) -> str:
    """Return the part of a WITH that ends a walk. Its arguments are the first two of `_paged`.

    The watermark moves to the start of the run, by the vendor's clock, or to the latest change that was listed, if that
    is earlier: a list that lags behind has not shown the later ones. It never moves back. A run that listed nothing
    leaves it.
    """
    id, newest, *_ = _values(first)
    return f"""walked AS (
        DELETE FROM walk WHERE id = {id}
        RETURNING connection, object, purpose, started_at, greatest(newest, {newest}) AS newest
    ), marked AS (
        UPDATE watermark AS mark
           SET watermark = greatest(
                   mark.watermark,
                   least(walked.started_at - interval '{SKEW}',
                         coalesce(walked.newest, mark.watermark, walked.started_at - interval '{SKEW}'))),
               started_at = walked.started_at, completed_at = now(), failure = NULL
          FROM walked
         WHERE walked.purpose = 'pull' AND mark.connection = walked.connection AND mark.object = walked.object
    )"""  # noqa: S608


def _values(first: int) -> list[str]:
    return [f"(SELECT ${number}::{kind})" for number, kind in enumerate(KINDS, start=first)]


# A walk has one job at a time, so it has not moved while its job has the lease.
PAGED = appending(_paged(first=EFFECTS_AT))
ENDED = appending(_ended(first=EFFECTS_AT))
MOVE_ON = Statement("UPDATE walk", f"WITH {_paged(first=1)} SELECT")
END = Statement("DELETE walk", f"WITH {_ended(first=1)} SELECT")

# A page without changes. If a crash of PostgreSQL loses it, the page is read again, so it waits for no disk.
GO_ON = Statement(
    "UPDATE walk",
    f"""
    WITH holding AS MATERIALIZED (
        {HOLDING}
    ), gone_on AS (
        UPDATE walk SET cursor = $4, pages = pages + 1, records = records + $5 FROM holding WHERE id = $3
        RETURNING clock_timestamp() AS looked_at
    )
    SELECT looked_at, set_config('synchronous_commit', 'off', true) FROM gone_on
    """,  # noqa: S608 - no caller's text is in it
)

FAIL = Statement(
    "DELETE walk",
    """
    WITH ended AS (
        DELETE FROM walk WHERE id = $1 RETURNING id, connection, object, purpose
    ), failed AS (
        UPDATE backfill
           SET state = 'failed', failure = $2, updated_at = now(), ended_at = now()
          FROM ended
         WHERE backfill.id = ended.id AND backfill.ended_at IS NULL
    ), forgotten AS (
        DELETE FROM walk_seen WHERE walk = $1
    ), aborted AS (
        UPDATE reconciliation AS run
           SET failure = $2
          FROM ended
         WHERE ended.purpose = 'reconcile' AND run.connection = ended.connection AND run.object = ended.object
    )
    UPDATE watermark AS mark
       SET failure = $2
      FROM ended
     WHERE ended.purpose = 'pull' AND mark.connection = ended.connection AND mark.object = ended.object
    """,
)

RESTART = Statement(
    "UPDATE walk",
    """
    WITH again AS (
        UPDATE walk
           SET cursor = NULL, newest = NULL, pages = 0, records = 0, changed = 0, unreadable = 0,
               restarts = restarts + 1
         WHERE id = $1
        RETURNING id
    )
    UPDATE backfill
       SET pages = 0, records = 0, new = 0, known = 0, differing = 0, unreadable = 0, resumed_at = now(),
           resumed_with = 0, updated_at = now()
      FROM again
     WHERE backfill.id = again.id
    """,
)

STATES = Statement(
    "SELECT watermark",
    f"""
    SELECT connection, object, watermark, started_at, completed_at, {PULL_FAILURE} AS failure,
           (SELECT count(*) {POISON.format(row="mark")}) AS poison
      FROM watermark AS mark
     ORDER BY connection, object
    """,  # noqa: S608 - no caller's text is in it
)

REPORTED = Statement(
    "SELECT dead_letter",
    f"""
    SELECT dedupe_key
      FROM dead_letter
     WHERE kind = '{REFETCH}' AND connection = $1 AND state = 'open' AND dedupe_key = ANY ($2::text[])
    """,  # noqa: S608
)

# By the index of runs: the correlation id of a backfill's Event is that of its record.
WITH_EVENT = Statement(
    "SELECT event", "SELECT DISTINCT correlation_id FROM event WHERE correlation_id = ANY ($1::text[])"
)


class PostgresWalks:
    """The store of walks and watermarks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, plans: Sequence[PullPlan]) -> list[DuePull]:
        """Return the pulls that are due. Raises StoreUnavailable."""
        columns = ([one.connection for one in plans], [one.object for one in plans], [one.every for one in plans])
        return msgspec.convert(list(map(dict, await self._database.fetch(DUE, *columns, SOON))), list[DuePull])

    async def claim(self, transaction: Transaction, due: DuePull) -> bool:
        """Return whether this process starts the run: no other one has since it was due."""
        return await transaction.fetch_row(CLAIM, due.connection, due.object, due.tried_at) is not None

    async def start(self, transaction: Transaction, new: NewWalk) -> NewWalk | None:
        """Insert a walk, or return the one of its purpose that has died. The caller enqueues its job. None if one of
        its purpose runs."""
        values = (new.id, new.connection, new.object, new.purpose, new.since, new.is_baseline, new.page_size)
        row = await transaction.fetch_row(START, *values, new.correlation_id)
        return None if row is None else msgspec.convert(dict(row), NewWalk)

    async def get(self, walk_id: str, job_id: int | None = None) -> Walk | StockWalk | None:
        """Return a walk that runs, with the failures of the job of its next page."""
        row = await self._database.fetch_row(GET, walk_id, list(PRECEDENCE), job_id)
        if row is None:
            return None
        if row["object"] == STOCK_LEVEL:
            return msgspec.convert(dict(row), StockWalk)
        return msgspec.convert(dict(row), Walk)

    async def go_on(self, walk: Walk, cursor: str | None, records: int, job: Job) -> Walk:
        """Move a pull over a page without changes, and return it as `get` does. Raises LeaseLost."""
        row = await self._database.fetch_row(GO_ON, job.id, job.lease_token, walk.id, cursor, records)
        if row is None:
            raise LeaseLost(job_subject(job.id))
        counts = {"pages": walk.pages + 1, "records": walk.records + records}
        return replace(walk, cursor=cursor, looked_at=row["looked_at"], **counts)

    async def move_on(self, transaction: Transaction, walk: AnyWalk, cursor: str | None, counts: PageCounts) -> None:
        """Move a walk past a page to the next one, or end it if there is none, outside a statement of `appending`."""
        if cursor is None:
            await transaction.execute(END, walk.id, None)
        else:
            figures = (counts.records, counts.changed, counts.unreadable)
            await transaction.execute(MOVE_ON, walk.id, None, cursor, *figures)

    async def fail(self, transaction: Transaction, walk: AnyWalk, reason: str) -> None:
        """Remove a walk that cannot go on. The watermark stays."""
        await transaction.execute(FAIL, walk.id, reason)

    async def restart(self, transaction: Transaction, walk: AnyWalk) -> None:
        """Begin a walk again, from its first page."""
        await transaction.execute(RESTART, walk.id)

    async def states(self) -> list[PullState]:
        """Return how the pulls of all objects stand. Raises StoreUnavailable."""
        return msgspec.convert(list(map(dict, await self._database.fetch(STATES))), list[PullState])

    async def reported(self, connection: str, object_name: ObjectName, remote_ids: Sequence[str]) -> set[str]:
        """Return which of these records have an open dead letter, because they could not be read."""
        keys = {record_key(object_name, remote_id): remote_id for remote_id in remote_ids}
        rows = await self._database.fetch(REPORTED, connection, list(keys))
        return {keys[row["dedupe_key"]] for row in rows}

    async def with_event(self, correlation_ids: Sequence[str]) -> set[str]:
        """Return which of these runs have an Event."""
        return {row["correlation_id"] for row in await self._database.fetch(WITH_EVENT, list(correlation_ids))}
