"""The Structs of persons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Place = tuple[str, str]
"""Connection and remote id of a customer."""


class PersonName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person, by one of both."""

    email: Annotated[str, Meta(max_length=254)] | None = None
    """An e-mail address of the person. Example: `"ann@example.com"`"""
    id: Annotated[str, Meta(max_length=80)] | None = None
    """The canonical id of the person as a customer. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""


class Person(Struct, frozen=True, kw_only=True):
    """What identifies a person: addresses in lower case, canonical ids and their aliases, and customers. `records` are
    the orders and tickets whose last-seen states name the person, by object, connection and remote id, and `record_ids`
    their canonical ids."""

    emails: frozenset[str]
    ids: frozenset[str] = frozenset()
    places: frozenset[Place] = frozenset()
    records: frozenset[tuple[str, str, str]] = frozenset()
    record_ids: frozenset[str] = frozenset()


def columns_of(places: frozenset[Place]) -> tuple[list[str], list[str]]:
    """Return places as two columns."""
    ordered = sorted(places)
    return [connection for connection, _ in ordered], [remote_id for _, remote_id in ordered]


class PersonRow(Struct, frozen=True, kw_only=True):
    """A row that is about the person, or names them."""

    table: str
    """The table. Example: `"record_state"`"""
    facts: Mapping[str, Any]
    """Its clear columns. Example: `{"object": "customer", "connection": "hubspot", "remote_id": "1051"}`"""
    contents: Mapping[str, Any]
    """Its encrypted columns, decrypted. Example: `{"data": {"first_name": "Ann"}}`"""


class EraseOrder(PersonName, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to erase."""

    dry_run: bool = True
    """Whether only to say what would be erased. Send `false` to erase. Example: `false`"""


class ErasurePreview(Struct, frozen=True, kw_only=True):
    """What an erasure would change. Nothing was changed."""

    emails: Sequence[str]
    """The addresses that would be erased. Example: `["ann@example.com"]`"""
    ids: Sequence[str]
    """Canonical ids of the person, with their aliases. Example: `["cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"]`"""
    records: Sequence[str]
    """The customers at the connections. Example: `["hubspot:1051"]`"""
    rows: Mapping[str, int]
    """How many encrypted values of each table would be deleted or changed. Example: `{"record_state": 3}`"""
    waits_for: Sequence[str]
    """The operations that are undecided and the jobs that are not done, which must end first.
    Example: `["op_0198f0a2b7c47d3c9a51f2e80b6c4d17"]`"""
    erasures: Sequence[str]
    """The erasures that keep the person away now, oldest first: lift each to let them return. Example: `[]`"""
    unreadable: Sequence[str]
    """The values that no key opens, by table. They may name the person, so an erasure does not end before their key is
    configured. Example: `[]`"""


class Erasure(Struct, frozen=True, kw_only=True):
    """The erasure of a person. It names no one."""

    id: str
    """Its id. Example: `"era_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    state: Literal["running", "done", "lifted"]
    """`running` until everything is erased; `lifted`: the person may return. Example: `"done"`"""
    changed: Mapping[str, int]
    """How many rows of each table were deleted or changed so far. Example: `{"record_state": 3}`"""
    waits_for: Sequence[str]
    """What must end first: operations that are undecided, jobs that are not done. Decide, redrive or discard them.
    Empty while there is something to erase. Example: `[]`"""
    actor: str
    """Who asked for it. Example: `"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """Its run. Example: `"0198f0a2-b7c4-7d3c-9a51-f2e80b6c4d17"`"""
    created_at: datetime
    """When it began. Example: `"2026-05-01T09:30:00Z"`"""
    ended_at: datetime | None
    """When it was done; null until then. Example: `"2026-05-01T09:30:12Z"`"""


class PersonExport(Struct, frozen=True, kw_only=True):
    """Everything that Lockstitch stores about a person."""

    emails: Sequence[str]
    """The addresses that were searched for: the given one, and those of the records. Not an address that is the primary
    one of somebody else. Example: `["ann@example.com"]`"""
    ids: Sequence[str]
    """Canonical ids of the person, with their aliases. Example: `["cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"]`"""
    records: Sequence[str]
    """The customers at the connections. Example: `["hubspot:1051"]`"""
    rows: Sequence[PersonRow]
    """The rows, by table."""
    erasures: Sequence[str]
    """The erasures that keep the person away now, oldest first: lift each to let them return. Example: `[]`"""
    unreadable: Sequence[str]
    """The values that no key opens, by table. They may name the person: configure their key, and export again.
    Example: `["operation: 3 values not as sealed with key 'k1'"]`"""
    stays: Mapping[str, str]
    """What an erasure leaves, and why.
    Example: `{"audit_event": "ids and our own terms; a changed row would break the chain"}`"""
