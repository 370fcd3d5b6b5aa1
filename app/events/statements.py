"""SQL text for the stores of other capabilities: one statement can change a row, keep the state of a record and append
its Event."""

from collections.abc import Mapping
from typing import Final

from app.audit import record
from app.postgres.timeline import TIMELINE
from app.queue.enqueue import adding

ERA: Final = f"(era + greatest(0, {TIMELINE} - timeline))"
"""SQL text: the present era, of the row of `event_era`."""
ERA_DIGITS: Final = f"'evt_' || lpad(to_hex({ERA}), 4, '0')"
COLUMNS: Final = "id, type, connection, record, scopes, body, correlation_id, traceparent, origin, created_at, visited"

STATE_ARGUMENTS: Final = {
    "object": "text",
    "connection": "text",
    "remote_id": "text",
    "data": "bytea",
    "deleted": "boolean",
    "read_at": "timestamptz",
    "version": "bigint",
    "written_by": "text",
    "digest": "bytea",
    "source": "bytea",
}
"""The columns of a state to keep, and their types."""

EVENT_ARGUMENTS: Final = {
    "place": "text",
    "type": "text",
    "subject": "text",
    "connection": "text",
    "record": "text",
    "scopes": "text",
    "body": "bytea",
    "correlation_id": "text",
    "traceparent": "text",
    "origin": "text",
    "visited": "text",
    "changed": "text",
    "facts": "text",
}
"""The columns of an Event to append, and their types."""

OF_BACKFILL: Final = "origin LIKE 'bf\\_%'"
"""Matches the Events of backfills, whose origin is the id of the backfill. Indexes are divided by it."""
NOT_OF_BACKFILL: Final = f"({OF_BACKFILL}) IS NOT TRUE"

SEEN_COLUMNS: Final = "data, deleted, version, seen_at, read_at, written_by, digest"
"""The columns of `record_state` from which a `SeenState` is opened."""


def many_of(columns: Mapping[str, str], *, first: int = 1) -> str:
    """Return a FROM item of rows that are given as an array for each column (`database.arrays_of`), from `$first` on.
    It counts them in `number`.

    Sub-selects hide from the planner how many rows there are; otherwise it would plan every call anew.
    """
    arrays = ", ".join(f"(SELECT ${number}::{kind}[])" for number, kind in enumerate(columns.values(), start=first))
    return f"unnest({arrays}) WITH ORDINALITY AS new ({', '.join(columns)}, number)"


def one_of(name: str, columns: Mapping[str, str]) -> str:
    """Return the same of one row for a `NamedStatement`, whose values are named `name_column`; none where they are
    None. PostgreSQL runs plain values in three quarters of the time."""
    values = ", ".join(f":{name}_{column}::{kind} AS {column}" for column, kind in columns.items())
    column, kind = next(iter(columns.items()))
    return f"(SELECT {values}, 1 AS number WHERE (SELECT :{name}_{column}::{kind}) IS NOT NULL) AS new"


ONE_STATE: Final = one_of("state", STATE_ARGUMENTS)
STATE_VALUES: Final = tuple(f"state_{column}" for column in STATE_ARGUMENTS)
"""The names of the values of `ONE_STATE`."""
ONE_EVENT: Final = one_of("event", EVENT_ARGUMENTS)
EVENT_VALUES: Final = tuple(f"event_{column}" for column in EVENT_ARGUMENTS)
"""The names of the values of `ONE_EVENT`."""


def keep_text(rows: str, *, source: str) -> str:
    """Return SQL text that keeps the states of records, `rows`, if `source` has a row.

    It returns a row for each state that is kept, none where the last-seen state is not the one that was compared with.
    Rows are locked in one order.
    """
    return f"""
    INSERT INTO record_state AS last (object, connection, remote_id, data, deleted, read_at, version, written_by,
                                      digest, source)
    SELECT new.object, new.connection, new.remote_id, new.data, new.deleted, new.read_at, new.version, new.written_by,
           new.digest, new.source
      FROM {source}, {rows}
     ORDER BY new.object, new.connection, new.remote_id
        ON CONFLICT (object, connection, remote_id) DO UPDATE
       SET data = excluded.data, deleted = excluded.deleted, read_at = excluded.read_at, seen_at = now(),
           written_by = coalesce(excluded.written_by, last.written_by), version = excluded.version,
           digest = excluded.digest, source = excluded.source
     WHERE last.version = excluded.version - 1
    RETURNING last.version
    """  # noqa: S608 - no caller's text is in it


def new_text(rows: str, *, source: str) -> str:
    """Return SQL text for a WITH: the Events to append, `rows`, with their ids, if `source` has a row."""
    return f"""
    SELECT (SELECT {ERA_DIGITS} FROM event_era LIMIT 1) || lpad(to_hex(pg_current_xact_id()::text::bigint), 16, '0')
           || new.place AS id, now() AS created_at, new.*
      FROM {source}, {rows}
    """  # noqa: S608


APPEND: Final = f"""
    INSERT INTO event ({COLUMNS})
    SELECT id, type, connection, record, string_to_array(scopes, ' '), body, correlation_id, traceparent, origin,
           created_at, string_to_array(visited, ' ')
      FROM new
"""  # noqa: S608
"""Insert the Events that a WITH names `new`."""

ENTRIES: Final = """
    SELECT 'event.appended', id, 'lockstitch', correlation_id, facts
      FROM new
     ORDER BY number
"""
"""The audit entries of the Events that a WITH names `new`, for `record.insert_text`."""

WANTED_BY: Final = "wanted_by(new.type, new.subject, new.connection, string_to_array(new.changed, ' '))"

WANTED: Final = f"""
    SELECT new.number, new.id AS event_id, new.created_at AS appended_at, wanted.subscription, wanted.fields
      FROM new
      LEFT JOIN LATERAL {WANTED_BY} AS wanted ON true
"""  # noqa: S608
"""The Events that a WITH names `new`, once for each subscription that wants it, or once without one."""


UNWANTED: Final = f"NOT EXISTS (SELECT FROM {ONE_EVENT} CROSS JOIN LATERAL {WANTED_BY})"
"""A condition of a `NamedStatement`: no subscription wants the one Event that it appends, if there is one."""

APPEND_EVENTS: Final = f"""
    WITH new AS (
        {new_text(many_of(EVENT_ARGUMENTS), source="(SELECT 1) AS one")}
    ), appended AS (
        {APPEND}
    ), noted AS (
        {record.insert_text(rows=ENTRIES)}
    )
    {WANTED}
     ORDER BY new.number, wanted.subscription
"""

# Callbacks have other lanes.
ENQUEUE: Final = adding(
    """, delivered AS (
        INSERT INTO delivery (id, event, subscription, correlation_id)
        SELECT dedupe_key, origin, connection, correlation_id
          FROM new
         WHERE kind = 'deliver' AND connection LIKE 'sub\\_%'
    )"""
)
"""Adds jobs, and the deliveries to subscriptions that they make."""
