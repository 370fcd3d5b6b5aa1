"""The audit trail as flows see it: what happened, by whom, and whether anything of it was changed afterwards."""

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
    """Which events; what is None does not matter. `type` is a whole one, or a name space such as `receipt.*`."""

    type: str | None = None
    record: str | None = None
    actor: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None


class Anchor(Struct, frozen=True, kw_only=True):
    """What the chain was at a position. Whoever keeps one elsewhere can tell that the chain up to there was written
    anew."""

    position: int
    chain: str  # 64 hexadecimal digits


class ChainBreak(Struct, frozen=True, kw_only=True):
    """The first thing that does not fit.

    content: the event is not what was sealed. chain: the seal does not follow from those before it. seal: the seal's
    digest is not what the chain was made of. missing_event, missing_seal: a row is not there any more. unsealed: an
    event came in behind the sealer's back. anchor: the chain is another than somebody has kept.
    """

    what: Literal["content", "chain", "seal", "missing_event", "missing_seal", "unsealed", "anchor"]
    position: int | None
    audit_event: int | None
    detail: str


class UnsealedTail(Struct, frozen=True, kw_only=True):
    """Events that no chain protects yet: too young, or held up by a transaction that is still open."""

    count: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None


class Verification(Struct, frozen=True, kw_only=True):
    """What a walk along the chain found: `verified` seals from `from_position` on fit, and the events between them.

    `intact` is about what was walked. `next_from` is where to go on when that was not all; `head` is to be kept as an
    anchor.
    """

    intact: bool
    verified: int
    from_position: int
    head: Anchor
    first_break: ChainBreak | None
    unsealed: UnsealedTail
    next_from: int | None


class Fact(Struct, frozen=True, kw_only=True):
    """One line of the audit trail. `type` is a namespaced type such as `field.changed`; `facts` are ids and words of
    ours, never what a person is called or has written. The correlation id is the current one."""

    type: str
    subject: str
    facts: dict[str, Any]
    actor: str = "lockstitch"
