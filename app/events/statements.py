"""SQL text for the stores of other capabilities: one statement can change a row, keep the state of a record and append
its Event."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.audit import record

ERA_DIGITS: Final = "'evt_' || lpad(to_hex(era::integer), 4, '0')"
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
}
"""The columns that `keep_text` takes, and their types."""

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
"""The columns that `new_text` takes, and their types."""

SEEN_COLUMNS: Final = "data, deleted, version, seen_at, read_at, written_by"
"""The columns of `record_state` from which a `SeenState` is opened."""


def keep_text(*, first: int, source: str, single: bool = False) -> str:
    """Return SQL text that keeps the states of records if `source` has a row.

    It takes the columns of `PostgresRecordStates.columns_of` from `$first` on; if `single`, those of `single_of`. It
    returns a row for each state that is kept, none where the last-seen state is not the one that was compared with.
    Rows are locked in one order.
    """
    return f"""
    INSERT INTO record_state AS last (object, connection, remote_id, data, deleted, read_at, version, written_by)
    SELECT next.object, next.connection, next.remote_id, next.data, next.deleted, next.read_at, next.version,
           next.written_by
      FROM {source}, {_rows("next", first, STATE_ARGUMENTS, single=single)}
     ORDER BY next.object, next.connection, next.remote_id
        ON CONFLICT (object, connection, remote_id) DO UPDATE
       SET data = excluded.data, deleted = excluded.deleted, read_at = excluded.read_at, seen_at = now(),
           written_by = coalesce(excluded.written_by, last.written_by), version = excluded.version
     WHERE last.version = excluded.version - 1
    RETURNING last.version
    """  # noqa: S608 - no caller's text is in it


def new_text(*, first: int, source: str, single: bool = False) -> str:
    """Return SQL text for a WITH: the Events to append, with their ids, if `source` has a row.

    It takes the columns of `PostgresEvents.prepare` from `$first` on; if `single`, those of `single_of`.
    """
    return f"""
    SELECT {ERA_DIGITS} || lpad(to_hex(pg_current_xact_id()::text::bigint), 16, '0') || event.place AS id,
           now() AS created_at, event.*
      FROM {source}, event_era, {_rows("event", first, EVENT_ARGUMENTS, single=single)}
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


def unwanted_text(*, first: int) -> str:
    """Return a condition: no subscription wants this Event, if there is one. It takes the arguments of a `single`
    `new_text`."""
    event = _rows("new", first, EVENT_ARGUMENTS, single=True)
    return f"NOT EXISTS (SELECT FROM {event} CROSS JOIN LATERAL {WANTED_BY})"


def single_of(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the columns of one row, or of none, as the arguments of a `single` statement."""
    return [column[0] if column else None for column in columns]


def _rows(name: str, first: int, columns: Mapping[str, str], *, single: bool) -> str:
    """Return a FROM item of rows that are passed as arguments: an array for each column. It counts them in `number`.

    With `single`, each argument is a value, and the first one is NULL if there is no row. PostgreSQL runs that in three
    quarters of the time. Sub-selects hide from the planner how many rows there are; otherwise it would plan every call
    anew.
    """
    numbered = [(f"${number}", column, kind) for number, (column, kind) in enumerate(columns.items(), start=first)]
    if single:
        values = ", ".join(f"{argument}::{kind} AS {column}" for argument, column, kind in numbered)
        argument, _, kind = numbered[0]
        return f"(SELECT {values}, 1 AS number WHERE (SELECT {argument}::{kind}) IS NOT NULL) AS {name}"
    arrays = ", ".join(f"(SELECT {argument}::{kind}[])" for argument, _, kind in numbered)
    return f"unnest({arrays}) WITH ORDINALITY AS {name} ({', '.join(columns)}, number)"


APPEND_EVENTS: Final = f"""
    WITH new AS (
        {new_text(first=1, source="(SELECT 1) AS one")}
    ), appended AS (
        {APPEND}
    ), noted AS (
        {record.insert_text(rows=ENTRIES)}
    )
    {WANTED}
     ORDER BY new.number, wanted.subscription
"""
