"""The story of a run: one query over every table that has its correlation id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from app.monitoring.failure_models import FailurePosition
from app.monitoring.models import RunRecord, StoryPosition
from app.postgres.database import Database, Statement

# Each part returns: at, rank, key, kind, facts. Of steps at the same time (a transaction has one), the lower rank is
# the cause. A key is unique within its rank. Encrypted data and free text are left out.
HAPPENINGS: Final = r"""
    SELECT at, CASE kind WHEN 'request' THEN 0 WHEN 'vendor_call' THEN 3 ELSE 10 END AS rank,
           lpad(id::text, 20, '0') AS key, kind, facts::jsonb
      FROM run_entry
     WHERE correlation_id = $1
    UNION ALL
    SELECT received_at, 1, id, 'receipt',
           jsonb_build_object('receipt', id, 'connection', connection, 'settled_at', settled_at,
                              CASE WHEN dedupe_key LIKE 'row:%' AND topic LIKE 'upl\_%' THEN 'upload' ELSE 'topic' END,
                              topic)
      FROM inbound_event
     WHERE correlation_id = $1
    UNION ALL
    SELECT step.at, 1, u.id || step.place, 'upload',
           jsonb_build_object('upload', u.id, 'step', step.name, 'connection', u.connection, 'object', u.object,
                              'rows', u.rows)
           || CASE step.place
                   WHEN ' 2' THEN jsonb_build_object('accepted', u.accepted)
                   ELSE '{}'
              END
      FROM upload AS u
     CROSS JOIN LATERAL (VALUES (u.created_at, ' 1', 'begun'),
                                (u.ended_at,   ' 2', 'recorded')) AS step (at, place, name)
     WHERE u.correlation_id = $1
       AND step.at IS NOT NULL
    UNION ALL
    SELECT step.at, 2, o.id || step.place, 'operation',
           jsonb_build_object('operation', o.id, 'step', step.name, 'object', o.object, 'action', o.action,
                              'connection', o.connection)
           || CASE step.place
                   WHEN ' 3' THEN jsonb_build_object('outcome', o.outcome, 'effect', o.effect, 'attempts', o.attempts)
                   ELSE '{}'
              END
      FROM operation AS o
     CROSS JOIN LATERAL (VALUES (o.created_at, ' 1', 'received'),
                                (o.sent_at,    ' 2', 'sent'),
                                (o.updated_at, ' 3', o.phase)) AS step (at, place, name)
     WHERE o.correlation_id = $1
       AND step.at IS NOT NULL
       AND (step.place <> ' 3' OR o.phase IN ('settled', 'unknown'))
    UNION ALL
    SELECT started_at, 4, lpad(job_id::text, 20, '0') || ' ' || lpad(number::text, 10, '0'), 'attempt',
           jsonb_build_object('job', job_id, 'attempt', number, 'kind', kind, 'connection', connection,
                              'outcome', outcome, 'category', category, 'reason', reason, 'ended_at', ended_at,
                              'trace_id', substr(traceparent, 4, 32))
      FROM attempt
     WHERE correlation_id = $1
    UNION ALL
    SELECT created_at, 5, id, 'event',
           jsonb_build_object('event', id, 'type', type, 'connection', connection, 'record', record, 'origin', origin)
      FROM event
     WHERE correlation_id = $1
    UNION ALL
    SELECT step.at, 6, d.id || step.place, 'delivery',
           jsonb_build_object('delivery', d.id, 'event', d.event, 'subscription', d.subscription)
           || CASE step.place
                   WHEN ' 1' THEN '{"state": "pending"}'
                   ELSE jsonb_build_object('state', d.state, 'attempts', d.attempts, 'status', d.last_status)
              END
      FROM delivery AS d
     CROSS JOIN LATERAL (VALUES (d.created_at, ' 1'), (d.ended_at, ' 2')) AS step (at, place)
     WHERE d.correlation_id = $1
       AND step.at IS NOT NULL
    UNION ALL
    SELECT step.at, 7, d.id || step.place, 'dead_letter',
           jsonb_build_object('dead_letter', d.id, 'job', d.job_id, 'kind', d.kind, 'connection', d.connection)
           || CASE step.place
                   WHEN ' 1' THEN jsonb_build_object('state', 'open', 'category', d.category, 'reason', d.reason,
                                                     'path', d.path, 'mapping', d.mapping, 'revision', d.revision,
                                                     'attempts', d.attempts)
                   ELSE jsonb_build_object('state', d.state, 'by', d.closed_by)
              END
      FROM dead_letter AS d
     CROSS JOIN LATERAL (VALUES (d.created_at, ' 1'), (d.closed_at, ' 2')) AS step (at, place)
     WHERE d.correlation_id = $1
       AND step.at IS NOT NULL
    UNION ALL
    SELECT step.at, 8, r.id || step.place, 'redrive',
           jsonb_build_object('redrive', r.id, 'by', r.actor, 'total', r.total)
           || CASE step.place
                   WHEN ' 1' THEN '{"state": "running"}'
                   ELSE jsonb_build_object('state', r.state, 'redriven', r.redriven, 'skipped', r.skipped)
              END
      FROM redrive AS r
     CROSS JOIN LATERAL (VALUES (r.created_at, ' 1'), (r.ended_at, ' 2')) AS step (at, place)
     WHERE r.correlation_id = $1
       AND step.at IS NOT NULL
    UNION ALL
    SELECT at, 9, lpad(id::text, 20, '0'), 'audit',
           jsonb_build_object('audit_event', id, 'type', type, 'subject', subject, 'actor', actor,
                              'facts', facts::jsonb)
      FROM audit_event
     WHERE correlation_id = $1
"""

SELECT_STORY = Statement(
    "SELECT run_entry",
    f"""
    SELECT at, rank, key, kind, jsonb_strip_nulls(facts)::text AS facts
      FROM ({HAPPENINGS}) AS story
     WHERE $2::timestamptz IS NULL OR (at, rank, key COLLATE "C") > ($2, $3::integer, $4::text)
     ORDER BY at, rank, key COLLATE "C"
     LIMIT $5
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_TRACE = Statement(
    "SELECT run_entry",
    """
    SELECT trace
      FROM ((SELECT at, facts::jsonb ->> 'trace_id' AS trace
               FROM run_entry WHERE correlation_id = $1 AND kind = 'request' ORDER BY at LIMIT 1)
            UNION ALL
            (SELECT created_at, substr(traceparent, 4, 32)
               FROM operation WHERE correlation_id = $1 ORDER BY created_at LIMIT 1)
            UNION ALL
            (SELECT started_at, substr(traceparent, 4, 32)
               FROM attempt WHERE correlation_id = $1 ORDER BY started_at LIMIT 1)
            UNION ALL
            (SELECT created_at, substr(traceparent, 4, 32)
               FROM event WHERE correlation_id = $1 ORDER BY created_at LIMIT 1)) AS kept
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

    async def causes(self, receipts: Sequence[str]) -> Mapping[str, str]:
        """Return the runs of the writes that webhooks echo, by receipt."""
        return {row["subject"]: row["correlation_id"] for row in await self._database.fetch(CAUSES, list(receipts))}

    async def trace_id(self, correlation_id: str) -> str | None:
        """Return the trace id in which the run began, 32 hexadecimal digits, or None if none is stored."""
        trace: str | None = await self._database.fetch_value(SELECT_TRACE, correlation_id)
        return trace
