"""`lockstitch map`: map a vendor payload, without a server, a database or a vendor."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from app.cli.exits import REFUSED, usage
from app.cli.inputs import read_input
from app.cli.printing import Flag, write_json
from canonical.parts import MappingName
from mappings.coverage import unsupported
from mappings.registry import VENDORS, AnyMapping, active, mapping_of
from mappings.spec import Mapped, Unmappable, decode

FILE = Parameter(
    name="FILE",
    help="A vendor answer, a webhook body or a single record. - reads standard input.",
    allow_leading_hyphen=True,
)
REVISION = Parameter(help="The revision of the mapping. Without it, the newest released one.")
ACCOUNT = Parameter(help="A JSON file with the account's facts. Without it, the vendor's documented defaults.")


def map_payload(
    name: Annotated[
        str, Parameter(name="VENDOR.OBJECT", help="The mapping, such as hubspot.customer or hubspot.customer@r2.")
    ],
    file: Annotated[Path, FILE],
    /,
    *,
    revision: Annotated[int | None, REVISION] = None,
    account: Annotated[Path | None, ACCOUNT] = None,
    list: Annotated[Flag, Parameter(help="Map every record of the payload, and print an array.")] = False,
) -> None:
    """Map a payload and show the canonical data, its loss, and the fields that the vendor does not have.

    Exits with 0; with 2 for a usage error or an unreadable file; with 3, and path and reason on standard error, if the
    payload is refused.
    """
    mapping = _find_mapping(name, revision)
    payload = read_input(file)
    facts = mapping.account() if account is None else _read_account(account, mapping)
    try:
        _require_json(payload)
        records = VENDORS[mapping.vendor].unwrap(payload, mapping.object)
        if not records and not list:
            raise Unmappable("$", f"it contains no {mapping.object}")
        if len(records) > 1 and not list:
            usage(f"{file} contains {len(records)} records: add --list to map all of them.")
        documents = [_document(mapping, _map(mapping, record, facts)) for record in records]
    except Unmappable as refusal:
        sys.stderr.write(msgspec.json.encode({"path": refusal.path, "reason": refusal.reason}).decode() + "\n")
        sys.exit(REFUSED)
    write_json(documents if list else documents[0])


def _require_json(payload: bytes) -> None:
    """Raise Unmappable with the place, as a cut-off download would look like another shape."""
    try:
        msgspec.json.decode(payload, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unmappable("$", f"not JSON: {error}") from error


def _map(mapping: AnyMapping, record: msgspec.Raw, account: Any) -> Mapped[Any]:
    """Map a record by its shape: that of the vendor's API, or another one that the vendor sends."""
    if mapping.shapes:
        try:
            members = msgspec.json.decode(record)
        except msgspec.DecodeError as error:
            raise Unmappable("$", "the payload is not JSON") from error
        names = frozenset(members) if isinstance(members, dict) else frozenset()
        for shape in mapping.shapes:
            if shape.matches(names):
                return shape.to_canonical(decode(record, shape.record), account)
    return mapping.read(record, account)


def _document(mapping: AnyMapping, mapped: Mapped[Any]) -> dict[str, Any]:
    return {
        "data": mapped.data,
        "loss": mapped.loss,
        "unsupported": unsupported(mapping),
        "mapping": MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
    }


def _find_mapping(name: str, revision: int | None) -> AnyMapping:
    bare_name, _, digits = name.partition("@r")
    if revision is None and digits.isascii() and digits.isdecimal():
        name, revision = bare_name, int(digits)
    vendor_name, _, object_name = name.partition(".")
    vendor = VENDORS.get(vendor_name)
    known = sorted({mapping.name for vendor in VENDORS.values() for mapping in vendor.mappings})
    if vendor is None or not any(mapping.name == name for mapping in vendor.mappings):
        usage(f"Unknown mapping {name}. Mappings: {', '.join(known)}.")
    wanted: Any = object_name
    mapping = active(vendor, wanted) if revision is None else mapping_of(vendor, wanted, revision)
    if mapping is None:
        known_revisions = ", ".join(f"r{one.revision}" for one in vendor.mappings if one.name == name)
        usage(f"{name} has no revision {revision}. Revisions: {known_revisions}.")
    return mapping


def _read_account(file: Path, mapping: AnyMapping) -> Any:
    try:
        return msgspec.json.decode(read_input(file), type=mapping.account)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        usage(f"{file} is not a valid {mapping.vendor} account: {error}.")
