"""A shop with regions and custom fields, and what Medusa makes of a write, as it was seen to."""

import json
from pathlib import Path
from typing import Any

import msgspec

from canonical.parts import AddressPatch
from mappings.medusa import VENDOR
from mappings.medusa.wire_2_21 import Account
from mappings.spec import VendorMapping

FIXTURES = Path(__file__).parent / "fixtures"

Mapping = VendorMapping[Any, Any, Any, Any, Account]
GB = AddressPatch(line1="1 Main", country_code="GB")
ACCOUNT = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)


def golden(name: str) -> msgspec.Raw:
    """A record as it is sent, out of its envelope."""
    (raw,) = VENDOR.unwrap((FIXTURES / f"{name}.in.json").read_bytes(), "order" if "order" in name else "customer")
    return raw


def parsed_golden(name: str) -> dict[str, Any]:
    """The same, to be changed."""
    return msgspec.json.decode(golden(name))


def encoded(record: Any) -> msgspec.Raw:
    """A record that was changed, as it is sent."""
    return msgspec.Raw(json.dumps(record).encode())


def written(record: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The record after a write: metadata and addresses are added to, "" takes a key of metadata out, the rest stands as
    it was sent."""
    after = {**record}
    for name, value in sent.items():
        if name == "metadata":
            merged = {**(record.get(name) or {}), **value}
            after[name] = {key: one for key, one in merged.items() if one != ""}
        elif name.endswith("_address"):
            after[name] = {**(record.get(name) or {}), **value}
        else:
            after[name] = value
    return after
