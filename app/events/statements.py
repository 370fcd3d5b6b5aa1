"""SQL text for the stores of other capabilities: one statement can change a row, keep the state of a record and append
its Event."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import asyncpg

from app.audit import record
from app.events.models import StateMoved

ERA_DIGITS: Final = "'evt_' || lpad(to_hex(era::integer), 4, '0')"
COLUMNS: Final = "id, type, connection, record, scopes, body, correlation_id, traceparent, origin, created_at, visited"

STATE_ARGUMENTS: Final = 7
EVENT_ARGUMENTS: Final = 13

SEEN_COLUMNS: Final = "data, deleted, version, seen_at, read_at"
"""The columns of `record_state` from which a `SeenState` is opened."""


def keep_text(*, first: int, source: str) -> str:
    """Return SQL text that keeps the states of records if `source` has a row.

    It takes the seven arguments of `PostgresRecordStates.columns_of` from `$first` on. If a last-seen state is not the
    one that was compared with, the new one is NULL, which the table refuses. Rows are locked in one order.
    """
    kinds = ("text", "text", "text", "bytea", "boolean", "timestamptz", "bigint")
    return f"""
    INSERT INTO record_state AS seen (object, connection, remote_id, data, deleted, read_at, version)
    SELECT kept.*
      FROM {source},
           unnest({_arrays(first, kinds)})
           AS kept (object, connection, remote_id, data, deleted, read_at, version)
     ORDER BY kept.object, kept.connection, kept.remote_id
        ON CONFLICT (object, connection, remote_id) DO UPDATE
       SET data = CASE WHEN seen.version = excluded.version - 1 THEN excluded.data END, deleted = excluded.deleted,
           read_at = excluded.read_at, version = seen.version + 1, seen_at = now()
    """  # noqa: S608 - no caller's text is in it


@contextmanager
def state_moves() -> Iterator[None]:
    """Raise StateMoved where `keep_text` is refused. The transaction has failed then."""
    try:
        yield
    except asyncpg.NotNullViolationError as error:
        if error.table_name != "record_state":
            raise
        raise StateMoved from error


def new_text(*, first: int, source: str) -> str:
    """Return SQL text for a WITH: the Events to append, with their ids, if `source` has a row.

    It takes the thirteen arguments of `PostgresEvents.prepare`, from `$first` on.
    """
    kinds = ("text",) * 6 + ("bytea",) + ("text",) * 6
    return f"""
    SELECT {ERA_DIGITS} || lpad(to_hex(pg_current_xact_id()::text::bigint), 16, '0') || given.place AS id,
           now() AS created_at, given.*
      FROM {source}, event_era,
           unnest({_arrays(first, kinds)}) WITH ORDINALITY
           AS given (place, type, subject, connection, record, scopes, body, correlation_id, traceparent, origin,
                     visited, changed, facts, number)
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

TOLD: Final = f"""
    SELECT new.number, new.id AS event_id, new.created_at AS appended_at, wanted.subscription, wanted.fields
      FROM new
      LEFT JOIN LATERAL {WANTED_BY} AS wanted ON true
"""  # noqa: S608
"""The Events that a WITH names `new`, once for each subscription that wants it, or once without one."""


def unwanted_text(*, first: int) -> str:
    """Return a condition: no subscription wants any of these Events. It takes the arguments of `new_text`."""
    _, kind, subject, connection, *_, changed, _ = _numbered(first, EVENT_ARGUMENTS)
    return f"""
    NOT EXISTS (
        SELECT
          FROM unnest((SELECT {kind}::text[]), (SELECT {subject}::text[]), (SELECT {connection}::text[]),
                      (SELECT {changed}::text[])) AS new (type, subject, connection, changed)
         CROSS JOIN LATERAL {WANTED_BY})
    """  # noqa: S608


def _arrays(first: int, kinds: Sequence[str]) -> str:
    """Return arguments of these types as arrays.

    Sub-selects hide their length from the planner. Otherwise it would plan every call anew.
    """
    numbered = zip(_numbered(first, len(kinds)), kinds, strict=True)
    return ", ".join(f"(SELECT {number}::{kind}[])" for number, kind in numbered)


def _numbered(first: int, count: int) -> list[str]:
    return [f"${number}" for number in range(first, first + count)]


APPEND_EVENTS: Final = f"""
    WITH new AS (
        {new_text(first=1, source="(SELECT 1) AS one")}
    ), appended AS (
        {APPEND}
    ), noted AS (
        {record.insert_from(ENTRIES)}
    )
    {TOLD}
     ORDER BY new.number, wanted.subscription
"""
