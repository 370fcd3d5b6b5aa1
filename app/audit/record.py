"""Write the audit trail: one event per state change, in the transaction of the change.

Use `append` in general. A statement that audits exactly the rows that it changes can include the INSERT, which
saves a round trip and shares the condition. `insert_text` does so for many entries, `insert_one` for one:

    QUERY = NamedStatement("UPDATE operation",
        f"WITH changed AS (UPDATE operation … RETURNING id) {insert_one(source='changed')}")

    await session.execute(QUERY, *QUERY.arguments({…, **values_of(Entry(…))}))
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app import telemetry
from app.postgres.database import Session, Statement, arrays_of

COLUMNS: Final = {
    "type": "text",
    "subject": "text",
    "actor": "text",
    "correlation_id": "text",
    "facts": "text",
    "digest": "bytea",
}
VALUES: Final = tuple(f"audit_{column}" for column in COLUMNS)
INSERT_INTO: Final = f"INSERT INTO audit_event ({', '.join(COLUMNS)}, environment)"
ARGUMENTS: Final = len(COLUMNS)
"""How many arguments `insert_text` takes."""


def _current_run() -> str | None:
    return telemetry.correlation_id.get() or None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `type` is namespaced, such as `operation.resolved`. `facts` are ids and our own terms, never personal
    data. `correlation_id` is the current run by default."""

    type: str
    subject: str
    facts: dict[str, Any] = {}
    actor: str = "lockstitch"
    correlation_id: str | None = msgspec.field(default_factory=_current_run)


def insert_text(*, first: int | None = None, where: str = "true", rows: str = "") -> str:
    """Return the INSERT as SQL text, which also works in a data-modifying WITH.

    From `$first` on it takes the six arguments of `columns_of`, and writes them only if `where` holds. `rows` are
    entries that the statement makes itself: they select type, subject, actor, correlation id and facts, a JSON object
    with sorted members. Neither must contain a caller's text.
    """
    # Sub-selects hide the length of the arrays from the planner. Otherwise it would plan every call anew.
    numbered = enumerate(COLUMNS.values(), start=first or 1)
    arguments = ", ".join(f"(SELECT ${number}::{kind}[])" for number, kind in numbered)
    passed = f"""
    SELECT *, (SELECT name FROM environment)
      FROM unnest({arguments}) AS entry ({", ".join(COLUMNS)})
     WHERE {where}
    """  # noqa: S608 - no caller's text
    return f"{INSERT_INTO} {' UNION ALL '.join([passed] * (first is not None) + [_made(rows)] * bool(rows))}"


def insert_one(*, source: str, rows: str = "") -> str:
    """Return the INSERT of one entry for a `NamedStatement`, if `source` has a row, and of `rows` as in `insert_text`.

    It takes the values of `values_of`. PostgreSQL runs plain values faster than arrays of one.
    """
    values = ", ".join(f":{name}::{kind}" for name, kind in zip(VALUES, COLUMNS.values(), strict=True))
    one = f"SELECT {values}, (SELECT name FROM environment) FROM {source}"  # noqa: S608 - no caller's text
    return f"{INSERT_INTO} {' UNION ALL '.join([one] + [_made(rows)] * bool(rows))}"


def _made(rows: str) -> str:
    return f"""(
    SELECT *, sha256(convert_to(concat_ws(E'\\n', type, subject, actor, coalesce(correlation_id, ''), facts), 'UTF8')),
           (SELECT name FROM environment)
      FROM ({rows}) AS made (type, subject, actor, correlation_id, facts)
    )"""  # noqa: S608


INSERT = Statement("INSERT audit_event", insert_text(first=1))


def columns_of(entries: Sequence[Entry]) -> list[list[Any]]:
    """Return the arguments of `insert_text`, in its order."""
    return arrays_of([tuple(values_of(entry).values()) for entry in entries], ARGUMENTS)


def values_of(entry: Entry) -> dict[str, str | bytes | None]:
    """Return the values of `insert_one`."""
    facts = msgspec.json.encode(entry.facts, order="sorted").decode()
    signed = (entry.type, entry.subject, entry.actor, entry.correlation_id, facts)
    return dict(zip(VALUES, (*signed, digest_of(*signed)), strict=True))


async def append(session: Session, *entries: Entry) -> None:
    """Add events, in this order."""
    if entries:
        await session.execute(INSERT, *columns_of(entries))


def digest_of(kind: str, subject: str, actor: str, correlation_id: str | None, facts: str) -> bytes:
    """Return the value of `audit_event.digest`: SHA-256 over the arguments, one per line."""
    return hashlib.sha256("\n".join((kind, subject, actor, correlation_id or "", facts)).encode()).digest()
