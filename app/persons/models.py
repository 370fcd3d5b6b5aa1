"""The Structs of persons."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

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
    """What identifies a person: addresses in lower case, canonical ids and their aliases, and records."""

    emails: frozenset[str]
    ids: frozenset[str] = frozenset()
    places: frozenset[Place] = frozenset()


class PersonRow(Struct, frozen=True, kw_only=True):
    """A row that is about the person, or names them."""

    table: str
    """The table. Example: `"record_state"`"""
    facts: Mapping[str, Any]
    """Its clear columns. Example: `{"object": "customer", "connection": "hubspot", "remote_id": "1051"}`"""
    contents: Mapping[str, Any]
    """Its encrypted columns, decrypted. Example: `{"data": {"first_name": "Ann"}}`"""


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
    stays: Mapping[str, str]
    """What an erasure leaves, and why.
    Example: `{"audit_event": "ids and our own terms; a changed row would break the chain"}`"""
