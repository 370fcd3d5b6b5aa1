"""Changes of orders: each sends itself alone, and what Shopify does not let be changed is refused."""

import json
from typing import Any

import msgspec
import pytest

from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import AddressPatch, CustomFieldPatch, ReferencePatch
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.order_write_r1 import FIXED, NEVER, to_vendor
from mappings.shopify.wire_inputs_2026_07 import AttributeInput, OrderCreateInput, OrderInput, OrderWrite
from tests.mappings.drafts import refused

from .conftest import SHOP
from .orders import FULL

SAMPLES: dict[str, Any] = {
    "payment_status": "paid",
    "number": "X-1",
    "currency": "EUR",
    "presentment_currency": "EUR",
    "tax_inclusive": True,
    "billing_address": AddressPatch(city="Bergen"),
    "line_items": (LineItemPatch(name="Mug", quantity="2", unit_price="10.00"),),
    "discounts": (DiscountPatch(code="A", amount="1.00"),),
    "shipping_lines": (ShippingLinePatch(title="Post", price="4.00"),),
    "fees": (FeePatch(name="Cash on delivery", amount="3.00"),),
    "is_test": True,
    "placed_at": msgspec.convert("2026-05-01T10:00:00Z", OrderPatch.__annotations__["placed_at"]),
    "status": "open",
    "fulfillment_status": "fulfilled",
    "internal_note": "x",
}


def changed(**fields: Any) -> dict[str, Any]:
    """What Shopify is asked to change, with nothing refused."""
    draft = to_vendor(OrderPatch(**fields), FULL, SHOP)
    assert draft.refused == ()
    assert draft.body.create == OrderCreateInput()
    wire: dict[str, Any] = json.loads(msgspec.json.encode(draft.body.update))
    return wire | ({"cleared": [list(place) for place in draft.body.cleared]} if draft.body.cleared else {})


@pytest.mark.parametrize(
    ("there", "status", "is_kept"),
    [
        ("FULFILLED", "shipped", True),
        ("FULFILLED", "delivered", True),
        ("FULFILLED", "scheduled", False),
        ("UNFULFILLED", "scheduled", True),
        ("UNFULFILLED", "shipped", False),
        ("UNFULFILLED", "partially_fulfilled", False),
        ("UNFULFILLED", "fulfilled", False),
    ],
)
def test_the_nearest_delivery_is_kept_and_another_refused(there: str, status: Any, is_kept: bool) -> None:
    current = msgspec.structs.replace(FULL, display_fulfillment_status=there)
    draft = to_vendor(OrderPatch(fulfillment_status=status), current, SHOP)
    assert {one.pointer for one in draft.refused} == (set() if is_kept else {"/fulfillment_status"})
    assert [one.kind for one in draft.loss] == (["coerced"] if is_kept else [])


def test_an_unchanged_name_is_not_parted_anew() -> None:
    place = wire.MailingAddress(name="Mary Ann van der Berg", first_name="Mary Ann", last_name="van der Berg")
    current = msgspec.structs.replace(FULL, shipping_address=place)
    moved = AddressPatch(name="Mary Ann van der Berg", city="Bath")

    sent: Any = ORDER.to_vendor(OrderPatch(shipping_address=moved), current, SHOP).body.update.shipping_address

    assert (sent.first_name, sent.last_name, sent.city) == ("Mary Ann", "van der Berg", "Bath")


def test_attributes_that_stay_are_sent_along_and_not_alone() -> None:
    fields = {one.key: one.value for one in ORDER.to_canonical(FULL, SHOP).data.custom_fields}
    same = tuple(CustomFieldPatch(key=key, value=value) for key, value in fields.items())
    other = tuple(CustomFieldPatch(key=key, value=9 if key == "points" else value) for key, value in fields.items())

    assert to_vendor(OrderPatch(custom_fields=same), FULL, SHOP).body == OrderWrite()
    update = to_vendor(OrderPatch(custom_fields=other), FULL, SHOP).body.update
    stored = [AttributeInput(key=pair.key, value=pair.value or "") for pair in FULL.custom_attributes]
    assert update == OrderInput(custom_attributes=(*stored, AttributeInput(key="points", value="9")))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"customer_note": None}, {"note": None}),
        ({"tags": None}, {"tags": []}),
        ({"external_id": None}, {"cleared": [["lockstitch", "external_id"]]}),
        ({"customer": ReferencePatch(email="a@example.com")}, {"email": "a@example.com"}),
        ({"customer": ReferencePatch(phone="+4722012345")}, {"phone": "+4722012345"}),
        (
            {"custom_fields": (CustomFieldPatch(key="points", value=5),)},
            {
                "customAttributes": [{"key": "utm", "value": "mail"}, {"key": "points", "value": "5"}],
                "cleared": [["custom", "priority"]],
            },
        ),
    ],
)
def test_a_change_sends_only_changes_and_keeps_unmapped_data(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert changed(**fields) == expected


@pytest.mark.parametrize("current", [None, FULL])
def test_the_number_of_a_customer_is_read_in_the_country_of_the_address(current: Any) -> None:
    """Shopify refuses a number that it cannot read."""
    there = AddressPatch(line1="Main 1", country_code="DE")
    for text, written in (("030 123456", "+4930123456"), ("+4722012345", "+4722012345"), ("by mail", "by mail")):
        patch = OrderPatch(customer=ReferencePatch(phone=text), shipping_address=there)
        draft = to_vendor(patch, current, SHOP)
        assert (draft.body.create if current is None else draft.body.update).phone == written
        assert ("/customer/phone" in [one.path for one in draft.loss]) == (text != written)


def test_an_address_is_replaced_whole() -> None:
    sent = changed(shipping_address=AddressPatch(line1="Main 1", country_code="DE"))

    assert set(sent) == {"shippingAddress"}
    assert sent["shippingAddress"]["address1"] == "Main 1"
    assert sent["shippingAddress"]["company"] is None


@pytest.mark.parametrize("name", [*FIXED, *NEVER])
def test_an_existing_order_keeps_what_is_fixed(name: str) -> None:
    draft = to_vendor(OrderPatch(**{name: SAMPLES[name]}), FULL, SHOP)

    assert [(one.kind, one.pointer) for one in draft.refused] == [("unsupported", f"/{name}")]
    assert draft.body.update == OrderInput()


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"customer": None}, "/customer"),
        ({"customer": ReferencePatch(remote_id="8")}, "/customer/remote_id"),
        ({"customer": ReferencePatch(name="Ann")}, "/customer/name"),
        ({"shipping_address": None}, "/shipping_address"),
    ],
)
def test_some_of_an_existing_order_cannot_change(fields: dict[str, Any], pointer: str) -> None:
    assert list(refused(to_vendor(OrderPatch(**fields), FULL, SHOP))) == [pointer]
