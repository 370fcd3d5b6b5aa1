"""The audit trail: an event a state change, written in the transaction of the change.

`append_all` is the ordinary way. A statement that changes rows and has to audit exactly those takes the event into
itself, so that both need one round trip and the condition is the statement's own:

    WITH changed AS (UPDATE operation … RETURNING id)
    {insert_text(first=5, where="EXISTS (SELECT FROM changed)")}

    await session.execute(QUERY, *four_arguments, *columns_of([Entry(…)]))
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from app.postgres.database import Statement, Transaction


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `type` is a namespaced type such as `operation.resolved`; `facts` must hold no personal data."""

    type: str
    subject: str
    correlation_id: str | None
    facts: dict[str, Any]
    actor: str = "lockstitch"


def insert_text(*, first: int = 1, where: str = "true") -> str:
    """The INSERT as SQL text, also for a data-modifying WITH. It takes six arguments from `$first` on, those of
    `columns_of`, and writes nothing unless `where` holds, a condition in which nothing of a caller may stand."""
    types = ("text[]", "text[]", "text[]", "text[]", "text[]", "bytea[]")
    # In sub-selects, as in `jobs.FINISH`: a plan that sees how long they are is made anew every time.
    arguments = ", ".join(f"(SELECT ${number}::{kind})" for number, kind in enumerate(types, start=first))
    return f"""
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest)
    SELECT *
      FROM unnest({arguments}) AS entry (type, subject, actor, correlation_id, facts, digest)
     WHERE {where}
    """  # noqa: S608 - no caller's text is in it


INSERT = Statement("INSERT audit_event", insert_text())


def columns_of(
    entries: Sequence[Entry],
) -> tuple[list[str], list[str], list[str], list[str | None], list[str], list[bytes]]:
    """The arguments of `insert_text`, in its order."""
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


async def append(
    session: Transaction, kind: str, *, subject: str, actor: str, correlation_id: str | None, facts: dict[str, Any]
) -> None:
    """Add one event."""
    await append_all(
        session, [Entry(type=kind, subject=subject, actor=actor, correlation_id=correlation_id, facts=facts)]
    )


async def append_all(session: Transaction, entries: Sequence[Entry]) -> None:
    """Add events, in this order."""
    if entries:
        await session.execute(INSERT, *columns_of(entries))


def digest_of(kind: str, subject: str, actor: str, correlation_id: str | None, facts: str) -> bytes:
    """What `audit_event.digest` has to be: SHA-256 over the lines of what the writer says."""
    return hashlib.sha256("\n".join((kind, subject, actor, correlation_id or "", facts)).encode()).digest()
