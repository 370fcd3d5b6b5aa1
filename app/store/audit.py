"""The audit trail: an event a state change, written in the transaction of the change."""

import hashlib
from typing import Any

import msgspec

from app.store.database import Query, Session

INSERT = Query(
    "INSERT audit_event",
    """
    INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest)
    VALUES ($1, $2, $3, $4, $5, $6)
    """,
)


async def append(
    session: Session, kind: str, *, subject: str, actor: str, correlation_id: str | None, facts: dict[str, Any]
) -> None:
    """Add one event. `kind` is a namespaced type such as `operation.resolved`; `facts` must hold no personal data."""
    text = msgspec.json.encode(facts, order="sorted").decode()
    digest = hashlib.sha256("\n".join((kind, subject, actor, correlation_id or "", text)).encode()).digest()
    await session.execute(INSERT, kind, subject, actor, correlation_id, text, digest)
