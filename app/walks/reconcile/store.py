"""Reconciliations: what a walk has listed, its findings, and when runs are due."""

from collections.abc import Sequence
from typing import Final

import msgspec

from app.copies import FAN_OUT
from app.postgres.database import Database, Statement, Transaction
from app.records.statements import EFFECTS_AT, appending
from app.walks.models import Walk
from app.walks.reconcile.models import (
    Absentees,
    Confirmed,
    DueReconcile,
    FindingKind,
    ReconcileFilter,
    ReconcileFinding,
    ReconcilePlan,
    ReconcileRequest,
    ReconcileState,
)
from app.walks.store import failure_of

# The first run is due one interval after the connection was set up. A pull lists everything at that time.
DUE = Statement(
    "SELECT reconciliation",
    """
    SELECT plan.connection, plan.object, run.tried_at,
           mark.completed_at IS NOT NULL OR run.completed_at IS NOT NULL
           OR EXISTS (SELECT
                        FROM backfill
                       WHERE backfill.connection = plan.connection AND backfill.object = plan.object
                         AND state = 'completed' AND since IS NULL AND NOT is_dry_run) AS has_baseline
      FROM unnest($1::text[], $2::text[], $3::float8[], $4::boolean[]) AS plan (connection, object, every, is_pulled)
      LEFT JOIN reconciliation AS run USING (connection, object)
      LEFT JOIN watermark AS mark USING (connection, object)
      LEFT JOIN connection_setup USING (connection)
     WHERE run.requested_at > coalesce(run.tried_at, '-infinity')
        OR (coalesce(run.tried_at, set_up_at) <= now() - make_interval(secs => every)
            AND (mark.completed_at IS NOT NULL OR NOT is_pulled))
     ORDER BY plan.connection, plan.object
    """,
)

# One of several workers starts a run: the one that saw when the last run was started.
CLAIM = Statement(
    "INSERT reconciliation",
    """
    INSERT INTO reconciliation AS run (connection, object, tried_at, states)
    SELECT $1, $2, now(), count(*) FROM record_state WHERE connection = $1 AND object = $2 AND NOT deleted
        ON CONFLICT (connection, object) DO UPDATE SET tried_at = now(), states = excluded.states
     WHERE run.tried_at IS NOT DISTINCT FROM $3
    RETURNING connection
    """,
)

REQUEST = Statement(
    "INSERT reconciliation",
    """
    INSERT INTO reconciliation (connection, object, requested_at)
    VALUES ($1, $2, now())
        ON CONFLICT (connection, object) DO UPDATE SET requested_at = now()
    """,
)

EXPECTED = Statement("SELECT reconciliation", "SELECT states FROM reconciliation WHERE connection = $1 AND object = $2")

# A record that was first seen during the walk may have been created behind its position.
ABSENT = Statement(
    "SELECT record_state",
    """
    SELECT ARRAY(SELECT remote_id
                   FROM record_state AS state
                  WHERE object = walk.object AND connection = walk.connection AND NOT deleted
                    AND seen_at < walk.started_at AND remote_id <> ALL ($2::text[])
                    AND NOT EXISTS (SELECT
                                      FROM walk_seen AS listed
                                     WHERE listed.walk = walk.id AND listed.remote_id = state.remote_id)
                ) AS remote_ids,
           (SELECT count(*)
              FROM reconcile_finding AS finding
             WHERE finding.object = walk.object AND finding.connection = walk.connection AND closed_at IS NULL
               AND kind = 'absent' AND remote_id IS NOT NULL) AS known,
           (SELECT count(*)
              FROM record_state
             WHERE object = walk.object AND connection = walk.connection AND NOT deleted) AS states
      FROM walk
     WHERE id = $1
    """,
)


def _arguments(*kinds: str) -> tuple[str, ...]:
    return tuple(f"(SELECT ${number}::{kind})" for number, kind in enumerate(kinds, start=EFFECTS_AT))


ID, CURSOR, RECORDS, UNREADABLE, LISTED, SUSPECTS, KEPT, ABSENTEES, FINDING = _arguments(
    "text", "text", "bigint", "bigint", "text[]", "boolean[]", "text[]", "text[]", "text"
)

# A page is committed, the last one if it has no next cursor. Then all findings are closed but those of suspects and of
# KEPT, about which the reads that follow decide; '' stands for the finding that too many are absent.
PAGED = appending(
    f"""advanced AS (
        UPDATE walk
           SET cursor = {CURSOR}, pages = pages + 1, records = records + {RECORDS},
               unreadable = unreadable + {UNREADABLE}
         WHERE id = {ID} AND {CURSOR} IS NOT NULL
    ), walked AS (
        DELETE FROM walk WHERE id = {ID} AND {CURSOR} IS NULL
        RETURNING connection, object
    ), remembered AS (
        INSERT INTO walk_seen (walk, remote_id, is_suspect)
        SELECT {ID}, remote_id, is_suspect
          FROM unnest({LISTED}, {SUSPECTS}) AS page (remote_id, is_suspect)
         WHERE {CURSOR} IS NOT NULL
            ON CONFLICT (walk, remote_id) DO UPDATE SET is_suspect = excluded.is_suspect
    ), forgotten AS (
        DELETE FROM walk_seen WHERE walk = {ID} AND EXISTS (SELECT FROM walked)
    ), settled AS (
        UPDATE reconcile_finding AS finding
           SET closed_at = now()
          FROM walked
         WHERE finding.connection = walked.connection AND finding.object = walked.object AND closed_at IS NULL
           AND coalesce(remote_id, '') <> ALL ({KEPT}::text[])
           AND NOT EXISTS (SELECT
                             FROM walk_seen AS listed
                            WHERE listed.walk = {ID} AND listed.remote_id = finding.remote_id AND is_suspect)
    ), doubted AS (
        INSERT INTO reconcile_finding (id, connection, object, kind, records, absentees, walk)
        SELECT {FINDING}, connection, object, 'absent', cardinality({ABSENTEES}), {ABSENTEES}, {ID}
          FROM walked
         WHERE {ABSENTEES} <> '{{}}'
            ON CONFLICT (connection, object, kind, remote_id, source) WHERE closed_at IS NULL
            DO UPDATE SET records = excluded.records, absentees = excluded.absentees, walk = excluded.walk,
                          last_found_at = now()
    ), marked AS (
        UPDATE reconciliation AS run
           SET completed_at = now(), failure = NULL
          FROM walked
         WHERE run.connection = walked.connection AND run.object = walked.object
    )"""  # noqa: S608 - no caller's text is in it
)

F_CONNECTION, F_OBJECT, F_REMOTE, F_WALK, F_REPAIRED, F_FOUND = _arguments(*["text"] * 4, "boolean", "jsonb")

# All that reads have found about a record: what was found before and is not FOUND again is closed. Only one job of a
# record runs at a time.
CHECKED = appending(
    f"""found AS (
        SELECT *
          FROM jsonb_to_recordset({F_FOUND}) AS found (id text, kind text, fields text[], changed_at timestamptz,
                                                       source text, owners text[])
    ), known_before AS (
        UPDATE reconcile_finding AS finding
           SET closed_at = CASE WHEN found.id IS NULL OR {F_REPAIRED} THEN now() END,
               is_repaired = {F_REPAIRED} AND found.id IS NOT NULL,
               fields = coalesce(found.fields, finding.fields), owners = coalesce(found.owners, finding.owners),
               changed_at = coalesce(found.changed_at, finding.changed_at), walk = {F_WALK},
               last_found_at = CASE WHEN found.id IS NULL THEN finding.last_found_at ELSE now() END
          FROM reconcile_finding AS known
          LEFT JOIN found ON found.kind = known.kind AND found.source IS NOT DISTINCT FROM known.source
         WHERE finding.id = known.id AND known.connection = {F_CONNECTION} AND known.object = {F_OBJECT}
           AND known.remote_id = {F_REMOTE} AND known.closed_at IS NULL
        RETURNING found.id
    ), reported AS (
        INSERT INTO reconcile_finding (id, connection, object, remote_id, kind, fields, changed_at, source, owners,
                                       walk, is_repaired, closed_at)
        SELECT id, {F_CONNECTION}, {F_OBJECT}, {F_REMOTE}, kind, fields, changed_at, source, owners,
               {F_WALK}, {F_REPAIRED}, CASE WHEN {F_REPAIRED} THEN now() END
          FROM found
         WHERE id NOT IN (SELECT id FROM known_before WHERE id IS NOT NULL)
    )"""  # noqa: S608
)

OPEN = Statement(
    "SELECT reconcile_finding",
    """
    SELECT kind, source
      FROM reconcile_finding
     WHERE connection = $1 AND object = $2 AND remote_id = $3 AND closed_at IS NULL
    """,
)

COPIED = Statement(
    "SELECT job",
    f"SELECT EXISTS (SELECT FROM job WHERE kind = '{FAN_OUT}' AND connection = $1 AND order_key = $2)",  # noqa: S608
)

CONFIRMABLE: Final = "7 days"
"""How long a person may confirm what a run has found."""

CONFIRM = Statement(
    "UPDATE reconcile_finding",
    f"""
    UPDATE reconcile_finding
       SET closed_at = now()
     WHERE id = $1 AND closed_at IS NULL AND absentees <> '{{}}' AND last_found_at > now() - interval '{CONFIRMABLE}'
    RETURNING walk, absentees
    """,  # noqa: S608
)

COLUMNS: Final = ", ".join(ReconcileFinding.__struct_fields__)

GET = Statement("SELECT reconcile_finding", f"SELECT {COLUMNS} FROM reconcile_finding WHERE id = $1")  # noqa: S608

LIST = Statement(
    "SELECT reconcile_finding",
    f"""
    SELECT {COLUMNS}
      FROM reconcile_finding
     WHERE ($1::text IS NULL OR connection = $1) AND ($2::text IS NULL OR kind = $2)
       AND ($3::boolean IS NULL OR (closed_at IS NOT NULL) = $3) AND ($4::text IS NULL OR id < $4)
     ORDER BY id DESC
     LIMIT $5
    """,  # noqa: S608
)

FAILURE: Final = failure_of(
    "run", "walk.connection = run.connection AND walk.object = run.object AND purpose = 'reconcile'"
)

STATES = Statement(
    "SELECT reconciliation",
    f"""
    SELECT connection, object, completed_at, {FAILURE} AS failure,
           (SELECT count(*)
              FROM reconcile_finding AS finding
             WHERE finding.connection = run.connection AND finding.object = run.object AND closed_at IS NULL) AS open
      FROM reconciliation AS run
     ORDER BY connection, object
    """,  # noqa: S608 - no caller's text is in it
)


class PostgresReconciliations:
    """The store of reconciliations. Raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def due(self, plans: Sequence[ReconcilePlan]) -> list[DueReconcile]:
        """Return the runs that are due."""
        columns = ([getattr(one, name) for one in plans] for name in ("connection", "object", "every", "is_pulled"))
        return msgspec.convert(list(map(dict, await self._database.fetch(DUE, *columns))), list[DueReconcile])

    async def claim(self, transaction: Transaction, due: DueReconcile) -> bool:
        """Return whether this process starts the run: no other one has since it was due."""
        return await transaction.fetch_row(CLAIM, due.connection, due.object, due.tried_at) is not None

    async def request(self, transaction: Transaction, request: ReconcileRequest) -> None:
        """Let a run be due now."""
        await transaction.execute(REQUEST, request.connection, request.object)

    async def expected(self, walk: Walk) -> int:
        """Return about how many records the walk lists."""
        return await self._database.fetch_value(EXPECTED, walk.connection, walk.object) or 0

    async def absent(self, walk: Walk, last_page: Sequence[str]) -> Absentees:
        """Return which records of before the walk were neither listed by it nor are in its last page."""
        row = await self._database.fetch_row(ABSENT, walk.id, list(last_page))
        return Absentees() if row is None else msgspec.convert(dict(row), Absentees)

    async def open_of(self, connection: str, object_name: str, remote_id: str) -> set[tuple[FindingKind, str | None]]:
        """Return the kinds and sources of the open findings about a record."""
        rows = await self._database.fetch(OPEN, connection, object_name, remote_id)
        return {(row["kind"], row["source"]) for row in rows}

    async def is_copied(self, connection: str, order_key: str) -> bool:
        """Return whether a copy of a record to a connection is under way or waits."""
        return bool(await self._database.fetch_value(COPIED, connection, order_key))

    async def confirm(self, transaction: Transaction, finding_id: str) -> Confirmed | None:
        """Close the finding that too many records are absent. None if it does not wait, or is too old."""
        row = await transaction.fetch_row(CONFIRM, finding_id)
        return None if row is None else msgspec.convert(dict(row), Confirmed)

    async def get(self, finding_id: str) -> ReconcileFinding | None:
        """Return a finding by id."""
        row = await self._database.fetch_row(GET, finding_id)
        return None if row is None else msgspec.convert(dict(row), ReconcileFinding)

    async def states(self) -> list[ReconcileState]:
        """Return how the runs of all objects stand."""
        return msgspec.convert(list(map(dict, await self._database.fetch(STATES))), list[ReconcileState])

    async def list(self, which: ReconcileFilter, *, after: str | None, limit: int) -> list[ReconcileFinding]:
        """List findings, newest first, below the id `after`."""
        rows = await self._database.fetch(LIST, which.connection, which.kind, which.closed, after, limit)
        return msgspec.convert(list(map(dict, rows)), list[ReconcileFinding])
