"""Write the audit trail: one event per state change, in the transaction of the change.

Use `append_all` in general. A statement that audits exactly the rows that it changes can include the INSERT, which
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
from app.audit.models import Fact
from app.postgres.database import Session, Statement, Transaction

ARGUMENTS: Final = 6
"""How many arguments `insert_text` takes."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `type` is a namespaced type such as `operation.resolved`; `facts` must hold no personal data."""

    type: str
    subject: str
    correlation_id: str | None
    facts: dict[str, Any]
    actor: str = "lockstitch"


def insert_text(*, first: int = 1, where: str = "true", then: str = "") -> str:
    """Return the INSERT as SQL text, which also works in a data-modifying WITH.

    It takes the six arguments of `columns_of`, from `$first` on, and writes only if `where` holds. The entries of
    `then`, rows as `insert_from` takes them, follow. Neither must contain a caller's text.
    """
    types = ("text[]", "text[]", "text[]", "text[]", "text[]", "bytea[]")
    # Sub-selects hide the length of the arrays from the planner. Otherwise it would plan every call anew.
    arguments = ", ".join(f"(SELECT ${number}::{kind})" for number, kind in enumerate(types, start=first))
    return f"""
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest, environment)
    SELECT *, (SELECT name FROM environment)
      FROM unnest({arguments}) AS entry (type, subject, actor, correlation_id, facts, digest)
     WHERE {where}
    {f"UNION ALL ({_digested(then)})" if then else ""}
    """  # noqa: S608 - no caller's text


def insert_from(rows: str) -> str:
    """Return the INSERT of entries that a statement makes itself. `rows` selects type, subject, actor, correlation id
    and facts, a JSON object with sorted members."""
    return f"""
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest, environment)
    {_digested(rows)}
    """


def _digested(rows: str) -> str:
    """Return SQL text that adds `digest_of` to entries."""
    return f"""
    SELECT *, sha256(convert_to(concat_ws(E'\\n', type, subject, actor, coalesce(correlation_id, ''), facts), 'UTF8')),
           (SELECT name FROM environment)
      FROM ({rows}) AS made (type, subject, actor, correlation_id, facts)
    """  # noqa: S608


INSERT = Statement("INSERT audit_event", insert_text())


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


async def append(
    session: Session, kind: str, *, subject: str, actor: str, correlation_id: str | None, facts: dict[str, Any]
) -> None:
    """Add one event."""
    await append_all(
        session, [Entry(type=kind, subject=subject, actor=actor, correlation_id=correlation_id, facts=facts)]
    )


async def append_all(session: Session, entries: Sequence[Entry]) -> None:
    """Add events, in this order."""
    if entries:
        await session.execute(INSERT, *columns_of(entries))


async def append_facts(transaction: Transaction, *facts: Fact) -> None:
    """Add facts, in this order, with the correlation id of the current run."""
    await append_all(transaction, entries_of(*facts))


def entries_of(*facts: Fact) -> list[Entry]:
    """Return facts as events of the current run."""
    run = telemetry.correlation_id.get() or None
    return [
        Entry(type=fact.type, subject=fact.subject, actor=fact.actor, correlation_id=run, facts=fact.facts)
        for fact in facts
    ]


def digest_of(kind: str, subject: str, actor: str, correlation_id: str | None, facts: str) -> bytes:
    """Return the value of `audit_event.digest`: SHA-256 over the arguments, one per line."""
    return hashlib.sha256("\n".join((kind, subject, actor, correlation_id or "", facts)).encode()).digest()
