"""Links between canonical ids and records, and their changes."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from canonical.parts import Link, ObjectName

LinkMaker = Literal["sighting", "write", "marker", "copy", "person", "match", "vendor_merge"]
"""How a record got its canonical id. `sighting`: it was seen, and got an id of its own."""


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


class NamedRecord(Struct, frozen=True, kw_only=True):
    """The canonical id of a record, and all records of that id, its first one first."""

    canonical_id: str
    links: tuple[Link, ...]


class Attached(Struct, frozen=True, kw_only=True):
    """The result of an attach: the id that the record has now, and all its records.

    `alias` is the id that became an alias. `changed`: a link was made or two ids were joined.
    """

    canonical_id: str
    links: tuple[Link, ...]
    alias: str | None = None
    changed: bool = True


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
