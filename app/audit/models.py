"""The Structs of the audit trail: what happened, by whom, and whether it was changed afterwards."""

from datetime import datetime
from typing import Literal

from msgspec import Raw, Struct


class AuditEvent(Struct, frozen=True, kw_only=True):
    """One state change. `position` is its place in the chain, None until it is sealed."""

    id: int
    """The event's number; later events have greater ones. Example: `48121`"""
    at: datetime
    """When the transaction of the change began. Example: `"2026-05-01T09:30:00Z"`"""
    type: str
    """What happened, as `<space>.<what>`. Example: `"operation.resolved"`"""
    subject: str
    """What the event concerns. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    actor: str
    """Who made the change: a key's principal, or `lockstitch`. Example: `"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    environment: str | None
    """The environment of the database then; null before it had one. Example: `"prod"`"""
    correlation_id: str | None
    """The run of the change. Example: `"orders-4711-1767225600000"`"""
    facts: Raw
    """Further facts, without personal data. Example: `{"outcome": "succeeded"}`"""
    position: int | None
    """Position in the chain; null until sealed, which takes about a second. Example: `48119`"""


class AuditFilter(Struct, frozen=True, kw_only=True):
    """A filter of events. None matches all. `type` is a type, or a namespace such as `receipt.*`."""

    type: str | None = None
    """Only this type; `receipt.*` matches every type with this prefix. Example: `"receipt.*"`"""
    record: str | None = None
    """Only events of this record, operation, job or connection. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    actor: str | None = None
    """Only changes made by this actor. Example: `"lockstitch"`"""
    correlation_id: str | None = None
    """Only this run. Example: `"orders-4711-1767225600000"`"""
    since: datetime | None = None
    """Only events at or after this time. Example: `"2026-05-01T09:30:00Z"`"""


class Anchor(Struct, frozen=True, kw_only=True):
    """The chain at a position. Keep one elsewhere to detect that the chain up to there was rewritten."""

    position: int
    """Position in the chain; 0 is before the first event. Example: `48119`"""
    chain: str  # 64 hexadecimal digits
    """The chain value there, SHA-256 in hexadecimal.
    Example: `"77efbab93df15cffcbd28dd2a07ae1250a17c41d044d1b7103c7cf99013eb33c"`"""


class ChainBreak(Struct, frozen=True, kw_only=True):
    """The first mismatch.

    content: the event is not what was sealed. chain: the seal does not follow from those before it. seal: the seal's
    digest is not the one in the chain. missing_event, missing_seal: a row is gone. unsealed: an event was added behind
    the sealer. anchor: the chain differs from the anchor.
    """

    what: Literal["content", "chain", "seal", "missing_event", "missing_seal", "unsealed", "anchor"]
    """What does not match. Example: `"content"`"""
    position: int | None
    """Position in the chain. Example: `31007`"""
    audit_event: int | None
    """The event concerned. Example: `31009`"""
    detail: str
    """An explanation. Example: `"The event differs from the sealed one. Its own digest does not match either."`"""


class UnsealedTail(Struct, frozen=True, kw_only=True):
    """Events outside the chain: too young, or delayed by an open transaction."""

    count: int
    """Events that are not yet in the chain. Example: `2`"""
    oldest_at: datetime | None
    """When the oldest of them was recorded. Example: `"2026-05-01T09:30:00Z"`"""
    oldest_age_seconds: float | None
    """Age of the oldest of them, in seconds. Example: `0.4`"""


class Verification(Struct, frozen=True, kw_only=True):
    """The result of a walk along the chain: `verified` seals from `from_position` on match, and so do their events.

    `intact` covers only this walk. `next_from` is where the next walk starts, if any; keep `head` as an anchor.
    """

    intact: bool
    """Whether all events that this call verified are unchanged. Example: `true`"""
    verified: int
    """Number of events verified. Example: `48119`"""
    from_position: int
    """Position of the first verified event. Example: `1`"""
    head: Anchor
    """The end of the chain. Store it elsewhere; send it later as `anchor` to prove that nothing was rewritten."""
    first_break: ChainBreak | None
    """The first mismatch; null if there is none."""
    unsealed: UnsealedTail
    """Events that the chain does not protect yet."""
    next_from: int | None
    """Send it as `from` to continue; null at the end. Example: `null`"""
