"""Data contracts as callers get them."""

from typing import Any

from msgspec import Struct

from mappings.coverage import FieldCoverage


class ContractSummary(Struct, frozen=True, kw_only=True):
    """A data contract in one line."""

    object: str
    """The object. Example: `"customer"`"""
    version: str
    """The version (Semantic Versioning). Example: `"1.0.0"`"""
    meaning: str
    """What the object means in the business. Example: `"A person or an organisation that buys."`"""
    url: str
    """Path of the whole contract. Example: `"/v1/contracts/customer"`"""


class ActiveMapping(Struct, frozen=True, kw_only=True):
    """The active mapping revision of a connection."""

    name: str
    """Vendor and object. Example: `"hubspot.customer"`"""
    revision: int
    """The revision. Example: `1`"""
    vendor_api: str
    """The version of the vendor's API. Example: `"v3"`"""


class ConnectionCoverage(Struct, frozen=True, kw_only=True):
    """What a connection reads and writes of an object; computed from its mapping."""

    vendor: str
    """The vendor's name. Example: `"hubspot"`"""
    mapping: ActiveMapping
    """The active mapping."""
    actions: tuple[str, ...]
    """The verbs that it supports. Example: `["create", "update", "upsert", "archive"]`"""
    filters: tuple[str, ...]
    """The filters of its lists. Example: `["email", "external_id"]`"""
    sorts: tuple[str, ...]
    """The values of `sort` on its lists. Example: `["-created_at", "created_at"]`"""
    system_of_record: bool
    """Whether calls without a connection use this one. Example: `true`"""
    fields: tuple[FieldCoverage, ...]
    """Field by field, what is read and written."""


class DataContract(Struct, frozen=True, kw_only=True):
    """A data contract, its JSON Schemas, and what each connection supports."""

    object: str
    """The object. Example: `"customer"`"""
    contract: dict[str, Any]
    """Meaning, owners, producers, consumers, guarantees, change policy, incident handling.
    Example: `{"object": "customer", "version": "1.0.0"}`"""
    schema: dict[str, Any]
    """JSON Schema (draft 2020-12) of reads. Example: `{"title": "Customer"}`"""
    write_schema: dict[str, Any]
    """JSON Schema of writes. Example: `{"title": "CustomerPatch"}`"""
    connections: dict[str, ConnectionCoverage]
    """What each connection reads and writes, field by field."""
