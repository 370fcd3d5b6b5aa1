"""A shop with custom fields of its own, reading in either of the two shapes, and where Shopify's material may lie."""

import json
from pathlib import Path
from typing import Any

import msgspec

from canonical.parts import ObjectName
from mappings.http import VendorRequest
from mappings.shopify import VENDOR
from mappings.shopify.wire_2026_07 import Account
from mappings.spec import Mapped, VendorMapping, decode
from tests.required import required

FIXTURES = Path(__file__).parent / "fixtures"
Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[ObjectName, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
SHOP = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)
CUSTOM_FIELDS = SHOP.custom_fields


def variables(request: VendorRequest) -> dict[str, Any]:
    """The variables of a request."""
    return json.loads(required(request.body))["variables"]


def understood(
    raw: msgspec.Raw | bytes, mapping: VendorMapping[Any, Any, Any, Any, Account], account: Account
) -> Mapped[Any]:
    """A record in whichever shape its member names tell."""
    names = frozenset(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    for shape in mapping.shapes:
        if shape.matches(names):
            return shape.to_canonical(decode(raw, shape.record), account)
    return mapping.read(raw, account)
