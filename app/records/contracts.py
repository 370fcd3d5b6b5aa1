"""Data contracts for callers, with the schemas and the coverage of each connection."""

import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import NotFound
from app.ownership.contract import with_owners
from app.records.deps import RecordDeps
from app.records.lookup import KEYS
from app.records.map_record import active_mapping
from app.vendors.models import Connection
from canonical.parts import ObjectName
from mappings.coverage import FieldCoverage, coverage, offered_filters


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


class OfferedObject(Struct, frozen=True, kw_only=True):
    """What a connection can do with an object."""

    object: str
    """The object. Example: `"customer"`"""
    verbs: tuple[str, ...]
    """What can be done. `upload`: its records come as exports, and are read by id.
    Example: `["read", "list", "create", "update", "upsert", "archive"]`"""
    look_ups: tuple[str, ...]
    """The keys of look-ups. Example: `["email", "external_id"]`"""
    system_of_record: bool
    """Whether calls without a connection use this one. Example: `true`"""


class OfferedConnection(Struct, frozen=True, kw_only=True):
    """A connection, for drop-downs."""

    name: str
    """Its name, the value of `connection`. Example: `"hubspot"`"""
    vendor: str
    """The vendor's name. Example: `"hubspot"`"""
    title: str
    """The vendor's name as people write it. Example: `"HubSpot"`"""
    objects: tuple[OfferedObject, ...]
    """The objects that it has, and what can be done with each."""
    stock: bool
    """Whether its stock levels are read, for `GET /v1/stock_levels`. Example: `false`"""


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


OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")


def list_contracts() -> list[ContractSummary]:
    """List the contracts."""
    return [
        ContractSummary(
            object=name,
            version=_contract(name)["version"],
            meaning=_contract(name)["meaning"],
            url=f"/v1/contracts/{name}",
        )
        for name in OBJECTS
    ]


def list_connections(deps: RecordDeps) -> list[OfferedConnection]:
    """List the connections by name, with what each can do. Sources of webhooks only are left out."""
    offered = (
        OfferedConnection(
            name=connection.name,
            vendor=connection.vendor.name,
            title=connection.vendor.title,
            objects=tuple(_objects_of(deps, connection)),
            stock=connection.stock is not None,
        )
        for _, connection in sorted(deps.connections.by_name.items())
    )
    return [one for one in offered if one.objects]


def _objects_of(deps: RecordDeps, connection: Connection) -> Iterator[OfferedObject]:
    if connection.layout is not None:
        yield OfferedObject(
            object=connection.layout.object, verbs=("read", "upload"), look_ups=(), system_of_record=False
        )
    for name in OBJECTS:
        mapping = active_mapping(deps, connection, name)
        if mapping is None:
            continue
        endpoints = mapping.endpoints
        reads = ("read", "list") if endpoints.list is not None else ("read",)
        yield OfferedObject(
            object=name,
            verbs=(*reads, *endpoints.actions()),
            look_ups=tuple(key for key in KEYS if key in endpoints.filters),
            system_of_record=deps.connections.systems_of_record.get(name) == connection.name,
        )


def describe_contract(deps: RecordDeps, object_name: str) -> DataContract:
    """Return the contract, the JSON Schemas for reading and writing, and the coverage of each connection.

    Raises NotFound for an object without a contract.
    """
    name = next((known for known in OBJECTS if known == object_name), None)
    if name is None:
        raise NotFound(f"No contract is called {object_name[:80]!r}; there are: {', '.join(OBJECTS)}.")
    connections = {}
    for connection in deps.connections.by_name.values():
        mapping = active_mapping(deps, connection, name)
        if mapping is None:
            continue
        connections[connection.name] = ConnectionCoverage(
            vendor=connection.vendor.name,
            mapping=ActiveMapping(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
            actions=mapping.endpoints.actions(),
            filters=offered_filters(mapping),
            sorts=tuple(sorted(mapping.endpoints.sorts)),
            system_of_record=deps.connections.systems_of_record.get(name) == connection.name,
            fields=coverage(mapping),
        )
    return DataContract(
        object=name,
        contract=with_owners(_contract(name), deps.ownership[name]),
        schema=_schema(name),
        write_schema=_schema(f"{name}-write"),
        connections=connections,
    )


@lru_cache(maxsize=8)
def _contract(name: str) -> dict[str, Any]:
    return tomllib.loads(files("canonical").joinpath("contracts", f"{name}.toml").read_text("utf-8"))


@lru_cache(maxsize=8)
def _schema(name: str) -> Any:
    return msgspec.json.decode(files("canonical").joinpath("schemas", f"{name}.json").read_bytes())
