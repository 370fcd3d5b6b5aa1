"""The audit trail: an event a state change, written in the transaction of the change."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from app.queue_ports import Transaction
from app.store.database import Query

INSERT = Query(
    "INSERT audit_event",
    """
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
    """,
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `type` is a namespaced type such as `operation.resolved`; `facts` must hold no personal data."""

    type: str
    subject: str
    correlation_id: str | None
    facts: dict[str, Any]
    actor: str = "lockstitch"


async def append(
    session: Transaction, kind: str, *, subject: str, actor: str, correlation_id: str | None, facts: dict[str, Any]
) -> None:
    """Add one event."""
    await append_all(
        session, [Entry(type=kind, subject=subject, actor=actor, correlation_id=correlation_id, facts=facts)]
    )


async def append_all(session: Transaction, entries: Sequence[Entry]) -> None:
    """Add events, in this order."""
    if not entries:
        return
    facts = [msgspec.json.encode(entry.facts, order="sorted").decode() for entry in entries]
    await session.execute(
        INSERT,
        [entry.type for entry in entries],
        [entry.subject for entry in entries],
        [entry.actor for entry in entries],
        [entry.correlation_id for entry in entries],
        facts,
        [_digest(entry, text) for entry, text in zip(entries, facts, strict=True)],
    )


def _digest(entry: Entry, facts: str) -> bytes:
    return hashlib.sha256(
        "\n".join((entry.type, entry.subject, entry.actor, entry.correlation_id or "", facts)).encode()
    ).digest()
