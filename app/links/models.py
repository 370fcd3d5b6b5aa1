"""Links between canonical ids and records, and their changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from app.links.match_keys import MatchFacts, MatchKey
from canonical.parts import Link, ObjectName

LinkMaker = Literal["read", "write", "marker", "copy", "person", "match", "vendor_merge"]
"""How a record got its canonical id. `read`: it was read for the first time, and got an id of its own."""


class LinkSource(Struct, frozen=True, kw_only=True):
    """How a link is made, and by whom: a key's principal, `lockstitch`, or `vendor:<connection>`."""

    kind: LinkMaker
    actor: str = "lockstitch"


class RecordName(Struct, frozen=True, kw_only=True):
    """A record at its vendor."""

    object: ObjectName
    connection: str
    remote_id: str


class KnownLink(Struct, frozen=True, kw_only=True):
    """A record, and its canonical id."""

    object: ObjectName
    connection: str
    remote_id: str
    canonical_id: str


class TotalDifference(Struct, frozen=True):
    """The total of an order that a write asked for, and the other one that its vendor computed instead."""

    requested: str
    computed: str


class NamedRecord(Struct, frozen=True, kw_only=True):
    """The canonical id of a record, and how callers see it: its `id`, and all records of that, its first one first.

    One that its vendor merged into another has the id from before and no links, because its canonical id names the
    record that is left, `merged_into`. `total` is how the total of an order differed when a write created it.
    """

    canonical_id: str
    id: str
    links: tuple[Link, ...]
    merged_into: str | None = None
    total: TotalDifference | None = None


class NewRecord(Struct, frozen=True, kw_only=True):
    """A record that a write made, or that is seen for the first time, and the canonical id that it gets in the
    statement that keeps its state.

    `named` is the record once that is committed. `facts` and `key` are those of a customer who can be matched.
    `changes` is how often the process had dropped cached links when the id was drawn.
    """

    object: ObjectName
    connection: str
    remote_id: str
    named: NamedRecord
    changes: int
    facts: MatchFacts | None = None
    key: MatchKey | None = None

    def row(self) -> tuple[str | bytes | bool | None, ...]:
        """Return the values of `statements.NEW_RECORD_ARGUMENTS`."""
        key = (None, None) if self.key is None else (self.key.digest, self.key.name)
        is_staff = None if self.facts is None else self.facts.is_staff
        return (self.object, self.connection, self.remote_id, self.named.canonical_id, *key, is_staff)


class RecordKnown(Exception):
    """A new record has a canonical id already: it was seen before its state was kept."""


class Attached(Struct, frozen=True, kw_only=True):
    """The result of an attach: the id that the record has now, and all its records.

    `alias` is the id that became an alias. `changed`: a link was made or two ids were joined.
    """

    canonical_id: str
    links: tuple[Link, ...]
    alias: str | None = None
    changed: bool = True


class LinkedRecord(Struct, frozen=True, kw_only=True):
    """A record of a canonical id."""

    connection: str
    """The connection. Example: `"hubspot"`"""
    remote_id: str
    """The record's id there. Example: `"1051"`"""
    by: LinkMaker
    """How the record got the canonical id; `read`: with its own. Example: `"match"`"""
    own_id: str | None
    """The id that a split gives the record back; null if it would get a new one.
    Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"`"""
    merged_into: str | None
    """The record that the vendor merged this one into; null if it exists. Example: `null`"""
    deleted_at: datetime | None
    """Since when Lockstitch knows that the record, which has copies, was deleted at its vendor. Example: `null`"""


class LinkedRecords(Struct, frozen=True, kw_only=True):
    """All records of a canonical id."""

    id: str
    """The canonical id. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    object: ObjectName
    """The object. Example: `"customer"`"""
    aliases: tuple[str, ...]
    """Other ids that name the same records. Example: `["cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"]`"""
    links: tuple[LinkedRecord, ...]
    """The records. A write to the bare `id` goes to the first one."""


ReviewReason = Literal[
    "not_configured",
    "names_contradict",
    "role_mailbox",
    "staff",
    "several_candidates",
    "linked_elsewhere",
    "split",
]
ReviewState = Literal["open", "accepted", "refused"]


class LinkReview(Struct, frozen=True, kw_only=True):
    """Two customers with the same primary e-mail address, which may be one person."""

    id: str
    """The proposal's id. Example: `"lrv_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection of one customer. Example: `"hubspot"`"""
    remote_id: str
    """The id of that customer there. Example: `"1051"`"""
    canonical_id: str
    """The canonical id of that customer. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"`"""
    other_connection: str
    """The connection of the other customer. Example: `"shopify"`"""
    other_remote_id: str
    """The id of the other customer there. Example: `"7001"`"""
    other_canonical_id: str
    """The canonical id of the other customer. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    reasons: tuple[ReviewReason, ...]
    """Why they were not joined. Example: `["names_contradict"]`"""
    state: ReviewState
    """Whether a person has decided. Example: `"open"`"""
    created_at: datetime
    """When it was proposed. Example: `"2026-05-01T09:30:00Z"`"""
    closed_at: datetime | None
    """When it was decided. Example: `null`"""
    closed_by: str | None
    """Who decided. Example: `null`"""


class JoinedLinks(Struct, frozen=True, kw_only=True):
    """A canonical id that got another record, or that was joined with another id."""

    id: str
    """The canonical id of all these records. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    object: ObjectName
    """The object. Example: `"customer"`"""
    alias: str | None
    """The id that became an alias of `id`; null if the record had none. Example:
    `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"`"""
    connection: str
    """The connection of the record that was linked. Example: `"hubspot"`"""
    remote_id: str
    """The record that was linked. Example: `"1051"`"""
    by: LinkMaker
    """What linked it: a copy, a person, a match of e-mail addresses, a merge at the vendor. Example: `"match"`"""
    links: Sequence[Link]
    """All records of the id."""


class SplitLinks(Struct, frozen=True, kw_only=True):
    """A record that was taken out of a canonical id."""

    id: str
    """The canonical id that the record had. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    object: ObjectName
    """The object. Example: `"customer"`"""
    split_id: str
    """The id that the record has now: the one from before it was linked, if it had one.
    Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"`"""
    connection: str
    """The connection of the record. Example: `"hubspot"`"""
    remote_id: str
    """The record. Example: `"1051"`"""
    left_id: str
    """The id of the records that it left: `id`, or another one if the record took `id` with it.
    Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    links: Sequence[Link]
    """The records that it left."""
