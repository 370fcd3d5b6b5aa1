"""Write the audit trail: one event per state change, in the transaction of the change.

Use `append` in general. A statement that audits exactly the rows that it changes can include the INSERT, which
saves a round trip and shares the condition:

    WITH changed AS (UPDATE operation … RETURNING id)
    {insert_text(first=5, where="EXISTS (SELECT FROM changed)")}

    await session.execute(QUERY, *four_arguments, *columns_of([Entry(…)]))
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app import telemetry
from app.postgres.database import Session, Statement

ARGUMENTS: Final = 6
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
    types = ("text[]", "text[]", "text[]", "text[]", "text[]", "bytea[]")
    # Sub-selects hide the length of the arrays from the planner. Otherwise it would plan every call anew.
    arguments = ", ".join(f"(SELECT ${number}::{kind})" for number, kind in enumerate(types, start=first or 1))
    passed = f"""
    SELECT *, (SELECT name FROM environment)
      FROM unnest({arguments}) AS entry (type, subject, actor, correlation_id, facts, digest)
     WHERE {where}
    """  # noqa: S608 - no caller's text
    made = f"""
    SELECT *, sha256(convert_to(concat_ws(E'\\n', type, subject, actor, coalesce(correlation_id, ''), facts), 'UTF8')),
           (SELECT name FROM environment)
      FROM ({rows}) AS made (type, subject, actor, correlation_id, facts)
    """  # noqa: S608
    return f"""
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest, environment)
    {" UNION ALL ".join([passed] * (first is not None) + [f"({made})"] * bool(rows))}
    """


INSERT = Statement("INSERT audit_event", insert_text(first=1))


def columns_of(
    entries: Sequence[Entry],
) -> tuple[list[str], list[str], list[str], list[str | None], list[str], list[bytes]]:
    """Return the arguments of `insert_text`, in its order."""
    facts = [msgspec.json.encode(entry.facts, order="sorted").decode() for entry in entries]
    return (
        [entry.type for entry in entries],
        [entry.subject for entry in entries],
        [entry.actor for entry in entries],
        [entry.correlation_id for entry in entries],
        facts,
        [
            digest_of(entry.type, entry.subject, entry.actor, entry.correlation_id, text)
            for entry, text in zip(entries, facts, strict=True)
        ],
    )


async def append(session: Session, *entries: Entry) -> None:
    """Add events, in this order."""
    if entries:
        await session.execute(INSERT, *columns_of(entries))


def digest_of(kind: str, subject: str, actor: str, correlation_id: str | None, facts: str) -> bytes:
    """Return the value of `audit_event.digest`: SHA-256 over the arguments, one per line."""
    return hashlib.sha256("\n".join((kind, subject, actor, correlation_id or "", facts)).encode()).digest()
