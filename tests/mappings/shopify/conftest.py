"""A shop with custom fields of its own, reading in either of the two shapes, and where Shopify's material may lie."""

import json
from pathlib import Path
from typing import Any

import msgspec

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.shopify import VENDOR
from mappings.shopify.wire_2026_07 import Account
from mappings.spec import Mapped, VendorMapping, decode

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]
Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[ObjectName, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
CUSTOM_FIELDS: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (
        CustomFieldSetting(key="tier", vendor_field="custom.tier", type="enum", label="Tier"),
        CustomFieldSetting(key="needles", vendor_field="custom.needles", type="number"),
        CustomFieldSetting(key="stitches", vendor_field="custom.stitches", type="multi_enum"),
        CustomFieldSetting(key="since", vendor_field="custom.since", type="date"),
        CustomFieldSetting(key="visited", vendor_field="custom.visited", type="datetime"),
        CustomFieldSetting(key="blocked", vendor_field="custom.blocked", type="boolean"),
    ),
    "order": (
        CustomFieldSetting(key="gift", vendor_field="Gift message"),
        CustomFieldSetting(key="points", vendor_field="points", type="number"),
        CustomFieldSetting(key="priority", vendor_field="custom.priority", type="number"),
        CustomFieldSetting(key="engraving", vendor_field="line:Engraving"),
    ),
}
SHOP = Account(domain="nordic-seams.myshopify.com", currency="EUR", custom_fields=CUSTOM_FIELDS)


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of Shopify; what is not bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return VendorReply(status=status, headers=headers or {}, body=sent)


def variables(request: VendorRequest) -> dict[str, Any]:
    """The variables of a request."""
    assert request.body is not None
    sent: dict[str, Any] = json.loads(request.body)["variables"]
    return sent


def understood(
    raw: msgspec.Raw | bytes, mapping: VendorMapping[Any, Any, Any, Any, Account], account: Account
) -> Mapped[Any]:
    """A record in whichever shape its member names tell."""
    names = frozenset(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    for shape in mapping.shapes:
        if shape.matches(names):
            mapped: Mapped[Any] = shape.to_canonical(decode(raw, shape.record), account)
            return mapped
    return mapping.read(raw, account)
