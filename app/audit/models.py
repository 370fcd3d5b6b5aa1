"""The Structs of the audit trail: what happened, by whom, and whether it was changed afterwards."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Raw, Struct


class AuditEvent(Struct, frozen=True, kw_only=True):
    """One state change. `position` is its place in the chain, None until it is sealed."""

    id: int
    at: datetime
    type: str
    subject: str
    actor: str
    correlation_id: str | None
    facts: Raw
    position: int | None


class AuditFilter(Struct, frozen=True, kw_only=True):
    """A filter of events. None matches all. `type` is a type, or a namespace such as `receipt.*`."""

    type: str | None = None
    record: str | None = None
    actor: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None


class Anchor(Struct, frozen=True, kw_only=True):
    """The chain at a position. Keep one elsewhere to detect that the chain up to there was rewritten."""

    position: int
    chain: str  # 64 hexadecimal digits


class ChainBreak(Struct, frozen=True, kw_only=True):
    """The first mismatch.

    content: the event is not what was sealed. chain: the seal does not follow from those before it. seal: the seal's
    digest is not the one in the chain. missing_event, missing_seal: a row is gone. unsealed: an event was added behind
    the sealer. anchor: the chain differs from the anchor.
    """

    what: Literal["content", "chain", "seal", "missing_event", "missing_seal", "unsealed", "anchor"]
    position: int | None
    audit_event: int | None
    detail: str


class UnsealedTail(Struct, frozen=True, kw_only=True):
    """Events outside the chain: too young, or delayed by an open transaction."""

    count: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None


class Verification(Struct, frozen=True, kw_only=True):
    """The result of a walk along the chain: `verified` seals from `from_position` on match, and so do their events.

    `intact` covers only this walk. `next_from` is where the next walk starts, if any; keep `head` as an anchor.
    """

    intact: bool
    verified: int
    from_position: int
    head: Anchor
    first_break: ChainBreak | None
    unsealed: UnsealedTail
    next_from: int | None


class Fact(Struct, frozen=True, kw_only=True):
    """One entry of the audit trail, with the current correlation id.

    `type` is namespaced, such as `field.changed`. `facts` are ids and our own terms, never personal data.
    """

    type: str
    subject: str
    facts: dict[str, Any]
    actor: str = "lockstitch"
