"""Data contracts for callers, with the schemas and the coverage of each connection."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from app.errors import NotFound
from app.ownership.contract import with_owners
from app.records.deps import RecordDeps
from app.records.resolve import active_mapping
from app.records.views import ActiveMapping, ConnectionCoverage, ContractSummary, DataContract
from canonical.parts import ObjectName
from mappings.coverage import coverage, offered_filters

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
