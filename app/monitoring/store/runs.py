"""The story of a run: one query over every table that has its correlation id."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from app.api_keys.statements import names_of
from app.monitoring.models import FailurePosition, RunRecord, StoryPosition
from app.postgres.database import Database, Statement


def _part(
    source: str, rank: str, kind: str, facts: str, *, at: str = "created_at", key: str = "id", order: str = ""
) -> str:
    """Return the SQL of the steps in one table after the position $2 to $4, at most $5. Only their facts are computed.
    OFFSET 0 keeps PostgreSQL from reading all runs by their times until it has met enough steps of this one. `order`
    is that of the index of the run."""
    return f"""
    (SELECT step_at AS at, rank, key COLLATE "C" AS key, {kind} AS kind, {facts} AS facts
       FROM (SELECT *, {at} AS step_at, {rank} AS rank, {key} AS key
               FROM (SELECT * FROM {source} WHERE correlation_id = $1 {order} OFFSET 0) AS run
              WHERE {at} IS NOT NULL
                AND ($2::timestamptz IS NULL OR ({at}, {rank}, ({key}) COLLATE "C") > ($2, $3::integer, $4::text))
              ORDER BY {at}, ({rank})::integer, ({key}) COLLATE "C"
              LIMIT $5) AS step)
    """  # noqa: S608 - no caller's text is in it


def _stages(table: str, *columns: str) -> dict[str, str]:
    """Return the arguments of `_part` for a table whose rows have a step at the time in each of these columns: `place`
    is 1 for the first."""
    values = ", ".join(f"({column}, {place})" for place, column in enumerate(columns, 1))
    source = f"{table} CROSS JOIN LATERAL (VALUES {values}) AS step (begun_at, place)"
    return {"source": source, "at": "begun_at", "key": "id || ' ' || place"}


# Of steps at the same time (a transaction has one), the lower rank is the cause. A key is unique within its rank.
# Encrypted data and free text are left out.
HAPPENINGS: Final = " UNION ALL ".join(
    (
        _part(
            "run_entry",
            "CASE kind WHEN 'request' THEN 0 WHEN 'vendor_call' THEN 3 ELSE 10 END",
            "kind",
            "facts::jsonb",
            at="at",
            key="lpad(id::text, 20, '0')",
            order="ORDER BY at",
        ),
        _part(
            "inbound_event",
            "1",
            "'receipt'",
            r"""jsonb_build_object('receipt', id, 'connection', connection, 'settled_at', settled_at,
                    CASE WHEN dedupe_key LIKE 'row:%' AND topic LIKE 'upl\_%' THEN 'upload' ELSE 'topic' END, topic)""",
            at="received_at",
        ),
        _part(
            **_stages("upload", "created_at", "ended_at"),
            rank="1",
            kind="'upload'",
            facts="""jsonb_build_object('upload', id, 'connection', connection, 'object', object, 'rows', rows)
                || CASE place WHEN 1 THEN '{"step": "begun"}'
                        ELSE jsonb_build_object('step', 'recorded', 'accepted', accepted) END""",
        ),
        _part(
            **_stages(
                "operation", "created_at", "sent_at", "CASE WHEN phase IN ('settled', 'unknown') THEN updated_at END"
            ),
            rank="2",
            kind="'operation'",
            facts="""jsonb_build_object('operation', id, 'object', object, 'action', action, 'connection', connection,
                    'step', (ARRAY['received', 'sent', phase])[place])
                || CASE place WHEN 3 THEN jsonb_build_object('outcome', outcome, 'effect', effect, 'attempts', attempts)
                        ELSE '{}' END""",
        ),
        _part(
            "attempt",
            "4",
            "'attempt'",
            """jsonb_build_object('job', job_id, 'attempt', number, 'kind', kind, 'connection', connection,
                    'outcome', outcome, 'category', category, 'reason', reason, 'ended_at', ended_at,
                    'trace_id', substr(traceparent, 4, 32))""",
            at="started_at",
            key="lpad(job_id::text, 20, '0') || ' ' || lpad(number::text, 10, '0')",
        ),
        _part(
            "event",
            "5",
            "'event'",
            """jsonb_build_object('event', id, 'type', type, 'connection', connection, 'record', record,
                    'origin', origin)""",
        ),
        _part(
            **_stages("delivery", "created_at", "ended_at"),
            rank="6",
            kind="'delivery'",
            facts="""jsonb_build_object('delivery', id, 'event', event, 'subscription', subscription)
                || CASE place WHEN 1 THEN '{"state": "pending"}'
                        ELSE jsonb_build_object('state', state, 'attempts', attempts, 'status', last_status) END""",
        ),
        _part(
            **_stages("dead_letter", "created_at", "closed_at"),
            rank="7",
            kind="'dead_letter'",
            facts="""jsonb_build_object('dead_letter', id, 'job', job_id, 'kind', kind, 'connection', connection)
                || CASE place
                        WHEN 1 THEN jsonb_build_object('state', 'open', 'category', category, 'reason', reason,
                            'path', path, 'mapping', mapping, 'revision', revision, 'attempts', attempts)
                        ELSE jsonb_build_object('state', state, 'by', closed_by) END""",
        ),
        _part(
            **_stages("redrive", "created_at", "ended_at"),
            rank="8",
            kind="'redrive'",
            facts="""jsonb_build_object('redrive', id, 'by', actor, 'total', total)
                || CASE place WHEN 1 THEN '{"state": "running"}'
                        ELSE jsonb_build_object('state', state, 'redriven', redriven, 'skipped', skipped) END""",
        ),
        _part(
            "audit_event",
            "9",
            "'audit'",
            """jsonb_build_object('audit_event', id, 'type', type, 'subject', subject, 'actor', actor,
                    'facts', facts::jsonb)""",
            at="at",
            key="lpad(id::text, 20, '0')",
        ),
    )
)

SELECT_STORY = Statement(
    "SELECT run_entry",
    f"""
    SELECT at, rank, key, kind, jsonb_strip_nulls(facts)::text AS facts
      FROM (SELECT * FROM ({HAPPENINGS}) AS story ORDER BY at, rank, key LIMIT $5) AS page
     ORDER BY at, rank, key
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_TRACE = Statement(
    "SELECT run_entry",
    """
    SELECT trace
      FROM ((SELECT at, facts::jsonb ->> 'trace_id' AS trace
               FROM (SELECT * FROM run_entry WHERE correlation_id = $1 ORDER BY at OFFSET 0) AS run
              WHERE kind = 'request'
              ORDER BY at
              LIMIT 1)
            UNION ALL
            (SELECT created_at, substr(traceparent, 4, 32)
               FROM operation WHERE correlation_id = $1 ORDER BY created_at LIMIT 1)
            UNION ALL
            (SELECT started_at, substr(traceparent, 4, 32)
               FROM attempt WHERE correlation_id = $1 ORDER BY started_at LIMIT 1)
            UNION ALL
            (SELECT created_at, substr(traceparent, 4, 32)
               FROM (SELECT created_at, traceparent FROM event WHERE correlation_id = $1 OFFSET 0) AS run
              ORDER BY created_at
              LIMIT 1)) AS kept
     WHERE trace IS NOT NULL
     ORDER BY at
     LIMIT 1
    """,
)


ADD_NOTE = Statement(
    "INSERT run_entry",
    "INSERT INTO run_entry (correlation_id, kind, at, facts) VALUES ($1, 'note', now(), $2) RETURNING at",
)


CAUSES = Statement(
    "SELECT audit_event",
    "SELECT subject, correlation_id FROM audit_event WHERE subject = ANY ($1::text[]) AND type = 'receipt.echoed'",
)

# Each step of the recursion reads the index of times on from the run before, to an entry of a run that is not listed
# yet. A run with an entry at the position `after` or later is on a page before.
RECENT = Statement(
    "SELECT run_entry",
    """
    WITH RECURSIVE run AS (
        SELECT '' AS correlation_id, coalesce($1::timestamptz, 'infinity') AS at, coalesce($2::bigint, 0) AS id,
               ARRAY[]::text[] AS listed
        UNION ALL
        SELECT older.*
          FROM run
         CROSS JOIN LATERAL (
            SELECT correlation_id, at, id, listed || correlation_id
              FROM run_entry AS entry
             WHERE (at, id) < (run.at, run.id)
               AND at >= coalesce($3::timestamptz, '-infinity')
               AND correlation_id <> ALL (listed)
               AND NOT EXISTS (SELECT
                                 FROM run_entry AS later
                                WHERE later.correlation_id = entry.correlation_id
                                  AND (later.at, later.id) >= ($1, $2))
             ORDER BY at DESC, id DESC
             LIMIT 1) AS older
         WHERE cardinality(listed) < $4
    )
    SELECT correlation_id, run.at, run.id, entry.kind, entry.facts
      FROM run
     CROSS JOIN LATERAL (SELECT kind, facts
                           FROM run_entry
                          WHERE correlation_id = run.correlation_id
                          ORDER BY kind = 'request' DESC, at DESC
                          LIMIT 1) AS entry
     ORDER BY run.at DESC, run.id DESC
    """,
)


class PostgresRuns:
    """Reads the stories of runs, and adds notes to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def story(self, correlation_id: str, *, after: StoryPosition | None, limit: int) -> Sequence[RunRecord]:
        """Return the steps of a run, oldest first, after the position `after`."""
        place = (None, None, None) if after is None else (after.at, after.rank, after.key)
        rows = await self._database.fetch(SELECT_STORY, correlation_id, *place, limit)
        return [
            RunRecord(
                place=StoryPosition(at=row["at"], rank=row["rank"], key=row["key"]),
                kind=row["kind"],
                facts=msgspec.json.decode(row["facts"]),
            )
            for row in rows
        ]

    async def recent(
        self, *, since: datetime | None, after: FailurePosition | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return the runs with a call or a note, the newest first, each with the newest request to it."""
        place = (None, None) if after is None else (after.at, int(after.id))
        return [dict(row) for row in await self._database.fetch(RECENT, *place, since, limit)]

    async def add_note(self, correlation_id: str, facts: Mapping[str, Any]) -> datetime:
        """Add a note, and return its time. Raises StoreUnavailable."""
        at: datetime = await self._database.fetch_value(ADD_NOTE, correlation_id, msgspec.json.encode(facts).decode())
        return at

    async def names(self, actors: Collection[str]) -> Mapping[str, str]:
        """Return the names of those of these actors that are principals of keys."""
        return await names_of(self._database, actors)

    async def causes(self, receipts: Sequence[str]) -> Mapping[str, str]:
        """Return the runs of the writes that webhooks echo, by receipt."""
        return {row["subject"]: row["correlation_id"] for row in await self._database.fetch(CAUSES, list(receipts))}

    async def trace_id(self, correlation_id: str) -> str | None:
        """Return the trace id in which the run began, 32 hexadecimal digits, or None if none is stored."""
        trace: str | None = await self._database.fetch_value(SELECT_TRACE, correlation_id)
        return trace
