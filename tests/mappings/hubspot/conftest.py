"""An account with two pipelines, its own options and custom fields, and where the vendor's own material may lie."""

from pathlib import Path

import msgspec
import pytest

from canonical.parts import CustomFieldSetting
from mappings.hubspot.account import build_account
from mappings.hubspot.wire_v3 import Account, Person, Stub
from tests.mappings.drafts import reply

FIXTURES = Path(__file__).parent / "fixtures"

CUSTOM_FIELDS = {
    "customer": (
        CustomFieldSetting(key="stitches", vendor_field="favourite_stitches", type="multi_enum", label="Stitches"),
        CustomFieldSetting(key="needles", vendor_field="needle_count", type="number"),
        CustomFieldSetting(key="length", vendor_field="seam_length", type="number"),
        CustomFieldSetting(key="renewal", vendor_field="renewal_day", type="date"),
        CustomFieldSetting(key="visited", vendor_field="visited_at", type="datetime"),
        CustomFieldSetting(key="vip", vendor_field="vip", type="boolean"),
        CustomFieldSetting(key="nickname", vendor_field="nickname", type="string"),
    ),
    "ticket": (CustomFieldSetting(key="warranty", vendor_field="warranty", type="boolean"),),
    "order": (CustomFieldSetting(key="wrapped", vendor_field="gift_wrap", type="boolean", label="Gift wrap"),),
}
LINE_ITEMS = {
    "880100000001": Stub(
        id="880100000001",
        properties={
            "name": "Thread, blue",
            "hs_sku": "THREAD-B",
            "quantity": "2",
            "price": "10.5",
            "amount": "21.000",
            "tax": "1.62",
            "hs_position_on_quote": "0",
        },
    ),
    "880100000002": Stub(
        id="880100000002",
        properties={
            "name": "Needles",
            "hs_product_id": "1702",
            "quantity": None,
            "price": "23",
            "amount": "22.00",
            "hs_tax_amount": "1.65",
            "hs_position_on_quote": "1",
        },
    ),
}


@pytest.fixture(scope="session")
def account() -> Account:
    """An account that has renamed its stages, has one of its own, lacks the priority URGENT and some options."""
    names = (
        "pipelines.json",
        "contact-properties.json",
        "ticket-properties.json",
        "order-pipelines.json",
        "order-properties.json",
        "owners.json",
        "ticket-order-labels.json",
    )
    built = build_account(tuple(reply((FIXTURES / name).read_bytes()) for name in names), CUSTOM_FIELDS)  # type: ignore[arg-type]
    livia = Person(name="Livia Keller", email="livia.keller@faden.example", phone="044 555 01 99")
    return msgspec.structs.replace(built, people={"734931000017": livia}, line_items=LINE_ITEMS)
