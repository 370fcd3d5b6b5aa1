"""An account at a vendor or its emulator, used like a connection, and the sample values to write to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from app.cli.vendor.emulator import RunningSystem
from app.identifiers import new_id
from canonical.output_only import struct_in
from canonical.parts import ReferencePatch
from mappings.checks.golden import FOLDER, account_of
from mappings.coverage import coverage, enum_of, sample_of
from mappings.http import RefusalKind, VendorReply, VendorRequest
from mappings.registry import AnyMapping, AnyVendor, active
from mappings.spec import Mapped

# People named by address, for accounts without customers: see `SampleAccount.people`.
PEOPLE: Final[dict[str, Any]] = {
    "requester": {"email": "ann@example.com", "name": "Ann Lee"},
    "customer": {"email": "ann@example.com"},
    "followers": [{"email": "bo@example.com"}],
}
TAG: Final = 12
"""Random digits that tell a sample from any other."""
CREATE: Final = "{object}.create.json"


class Sender(Protocol):
    """Sends requests to a vendor, or to its emulator."""

    def send(self, request: VendorRequest) -> VendorReply:
        """Return the reply. It may raise for a refusal."""


class Account:
    """An account with its facts, and the calls that Lockstitch makes to it. `wanted` are values to write by object, in
    place of the samples."""

    def __init__(
        self, vendor: AnyVendor, sender: Sender, facts: Any, wanted: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        self.vendor = vendor
        self.facts = facts
        self.wanted = wanted or {}
        self.sender = sender
        self.made: list[tuple[AnyMapping, str]] = []
        """The created records, oldest first."""

    def read(self, mapping: AnyMapping, remote_id: str) -> tuple[Any, Mapped[Any]]:
        """Return a record as its wire Struct and as mapped. Raises Refused or Unmappable."""
        assert mapping.endpoints.read is not None  # noqa: S101 - the caller has checked
        reply = self.ask(mapping.endpoints.read(remote_id, self.facts))
        raw, facts = mapping.endpoints.record(reply, self.facts)
        if raw is None:
            raise Refused(f"{mapping.name} {remote_id} is not found when it is read")
        facts = self.with_related(mapping, (raw,), facts)
        return mapping.decode(raw), mapping.read(raw, facts)

    def create(self, mapping: AnyMapping, body: Any, marker: str) -> str:
        """Create a record and return its id. Raises Refused."""
        assert mapping.endpoints.create is not None  # noqa: S101 - the caller has checked
        assert mapping.endpoints.write_result is not None  # noqa: S101 - create comes with write_result
        endpoints = mapping.endpoints
        parts = endpoints.parts(body, marker, self.facts) if endpoints.parts is not None else None
        if parts is not None and endpoints.with_parts is not None:
            body = endpoints.with_parts(body, self.ask(parts))
        reply = self.ask(mapping.endpoints.create(body, marker, None, self.facts))
        result = mapping.endpoints.write_result(reply, "create")
        if result.remote_id is None:
            raise Refused(f"the answer to a create of {mapping.name} has no record id")
        self.made.append((mapping, result.remote_id))
        return result.remote_id

    def update(self, mapping: AnyMapping, remote_id: str, body: Any) -> None:
        """Update a record. Raises Refused."""
        assert mapping.endpoints.update is not None  # noqa: S101 - the caller has checked
        self.ask(mapping.endpoints.update(remote_id, body, "op_check_update", self.facts))

    def people(self, mapping: AnyMapping) -> dict[str, Any]:
        """Return the people to name in a write. Raises Refused.

        If the vendor has customers, creates one and names it by id.
        """
        customers = active(self.vendor, "customer")
        if mapping.object == "customer" or customers is None or customers.endpoints.create is None:
            return PEOPLE
        _, draft = whole(self, customers, PEOPLE)
        made = {"remote_id": self.create(customers, draft.body, f"op_check_for_{mapping.object}")}
        return {**PEOPLE, "requester": made, "customer": made}

    def ask(self, request: VendorRequest) -> VendorReply:
        """Send a request that must succeed, and return the reply. Raises Refused."""
        reply = self.sender.send(request)
        refusal = self.vendor.refusal(reply)
        if refusal is not None:
            text = f"{request.method} {request.route} is refused as {refusal.kind}: {refusal.detail[:300]}"
            raise Refused(text, kind=refusal.kind)
        return reply

    def with_related(self, mapping: AnyMapping, records: tuple[msgspec.Raw, ...], facts: Any) -> Any:
        """Side-load the related records that the mapping needs, and add them to the facts."""
        endpoints = mapping.endpoints
        while endpoints.side_load is not None and endpoints.absorb is not None:
            request = endpoints.side_load(records, facts)
            if request is None:
                break
            facts = endpoints.absorb(self.ask(request), facts)
        return facts


class SampleAccount(Account):
    """An account at a running system, which may hold other records."""

    def __init__(self, vendor: AnyVendor, system: RunningSystem, root: Path) -> None:
        """Set up the account and read its facts, like a connection at start."""
        wanted: dict[str, dict[str, Any]] = {one.object: _wanted(vendor, one, root) for one in vendor.mappings}
        settings = getattr(account_of(vendor, root), "custom_fields", {}) if any(wanted.values()) else {}
        for request in vendor.setup:
            system.send(request)
        replies = [system.send(request) for request in vendor.account_requests]
        read = tuple(None if vendor.refusal(reply) is not None else reply for reply in replies)
        super().__init__(vendor, system, vendor.build_account(read, settings), wanted)
        self.system = system


class Refused(Exception):
    """The vendor refused a call that must succeed. `kind` is that of its refusal."""

    def __init__(self, text: str, *, kind: RefusalKind | None = None) -> None:
        super().__init__(text)
        self.kind = kind


def whole(account: Account, mapping: AnyMapping, people: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return a body with as many fields as can be written at once, and its draft. Names, addresses, numbers and keys
    are like those of no other record."""
    tag = new_tag()
    body = {
        field.name: value if field.name in people else unique(field.name, value, tag)
        for field in fields(mapping.patch)
        if not _needs_others(field, people) and (value := _first(mapping, field, people)) is not None
    }
    body |= account.wanted.get(mapping.object, {})
    while True:
        draft = mapping.to_vendor(msgspec.convert(body, mapping.patch), None, account.facts)
        refused = {one.pointer.split("/")[1] for one in draft.refused} & body.keys()
        if not refused:
            return body, draft
        body.pop(sorted(refused)[-1])


def new_tag() -> str:
    """Return hexadecimal digits that no other sample has."""
    return new_id("")[-TAG:]


def unique(name: str, value: Any, tag: str) -> Any:
    """Return a sample of a field that no other record has. The last word of a person's name has the `tag`."""
    match name, value:
        case "emails", [*items]:
            return [{**one, "address": f"{tag}.{one['address']}"} for one in items]
        case "phones", [*items]:
            return [{**one, "e164": f"+49301{int(tag, 16) % 10**7:07}"} for one in items]
        case (("external_id" | "number" | "display_name" | "last_name"), str()):
            return f"{value}-{tag}"
    return value


def _needs_others(field: FieldInfo, people: Mapping[str, Any]) -> bool:
    """Return whether a field refers to records or settings that a fresh account does not have."""
    is_reference = issubclass(struct_in(field.type) or Struct, ReferencePatch)
    return field.name == "custom_fields" or (is_reference and field.name not in people)


def _wanted(vendor: AnyVendor, mapping: AnyMapping, root: Path) -> dict[str, Any]:
    file = root / FOLDER.format(vendor=vendor.name) / CREATE.format(object=mapping.object)
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) if file.exists() else {}


def _first(mapping: AnyMapping, field: Any, people: Mapping[str, Any]) -> Any:
    if field.name in people:
        return people[field.name]
    cell = next((one for one in coverage(mapping) if one.field == field.name), None)
    if cell is None or not cell.creates:
        return None
    if enum_of(field):
        return next((value for value in cell.values if value not in ("unknown", "none")), None)
    return sample_of(field)
