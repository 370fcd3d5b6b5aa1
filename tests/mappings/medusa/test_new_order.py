"""New orders: drafts in a region that sells there, with lines, a buyer and a way for the goods."""

from typing import get_args

import pytest
from msgspec.structs import replace

from canonical.order import OrderStatus
from canonical.order_patch import LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import AddressPatch, CustomFieldPatch, ProductReferencePatch, ReferencePatch
from mappings.medusa.order_r1 import ORDER
from mappings.medusa.wire_2_21 import Account
from tests.mappings.drafts import on_the_wire, refused

from .conftest import ACCOUNT, GB


def test_a_new_order_is_a_draft_in_the_region_that_sells_there() -> None:
    patch = OrderPatch(
        status="draft",
        currency="EUR",
        customer=ReferencePatch(email="Ann@Example.com"),
        shipping_address=GB,
        line_items=(
            LineItemPatch(product=ProductReferencePatch(variant_remote_id="variant_1"), quantity="2"),
            LineItemPatch(name="Ribbon", sku="RIB", quantity="1.5", unit_price="0.333"),
        ),
        shipping_lines=(ShippingLinePatch(title="Rider", price="4.50"),),
        external_id="web-1",
        custom_fields=(CustomFieldPatch(key="gift", value=True), CustomFieldPatch(key="message", value=None)),
    )
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    assert draft.refused == ()
    assert [loss.kind for loss in draft.loss] == ["coerced"]
    sent = on_the_wire(draft.body.body)
    assert sent.pop("shipping_address")["country_code"] == "gb"
    assert sent == {
        "region_id": "reg_eu",
        "currency_code": "eur",
        "email": "ann@example.com",
        "items": [
            {"variant_id": "variant_1", "quantity": 2},
            {"title": "Ribbon", "variant_sku": "RIB", "unit_price": "0.333", "quantity": 1.5},
        ],
        "shipping_methods": [{"name": "Rider", "shipping_option_id": "so_rider", "amount": "4.50"}],
        "metadata": {"external_id": "web-1", "gift": True},
    }


@pytest.mark.parametrize(
    ("patch", "region"),
    [
        (OrderPatch(currency="JPY"), "reg_jp"),
        (OrderPatch(currency="KWD", billing_address=AddressPatch(country_code="KW")), "reg_kw"),
        (OrderPatch(shipping_address=AddressPatch(country_code="HR"), billing_address=GB), "reg_eu_late"),
        (OrderPatch(shipping_address=AddressPatch(line1="1 Main"), billing_address=GB), "reg_eu"),
    ],
)
def test_a_region_is_found_by_country_and_currency(patch: OrderPatch, region: str) -> None:
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    assert draft.refused == ()
    assert draft.body.body.region_id == region


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        (OrderPatch(), "/currency"),
        (OrderPatch(currency="USD"), "/currency"),
        (OrderPatch(currency="JPY", shipping_address=GB), "/currency"),
        (OrderPatch(shipping_address=AddressPatch(country_code="US")), "/shipping_address/country_code"),
    ],
)
def test_no_region_is_guessed(patch: OrderPatch, pointer: str) -> None:
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    assert refused(draft) == {pointer: "invalid"}
    assert "Europe, EUR, DE GB" in draft.refused[0].detail
    assert refused(ORDER.to_vendor(patch, None, Account()))["/currency"] == "invalid"


def test_an_order_without_a_country_is_in_the_first_region_of_its_currency() -> None:
    draft = ORDER.to_vendor(OrderPatch(currency="EUR", status="draft"), None, ACCOUNT)
    assert (draft.refused, draft.body.body.region_id) == ((), "reg_eu")
    assert [(loss.path, loss.kind) for loss in draft.loss] == [("/shipping_address/country_code", "defaulted")]


@pytest.mark.parametrize("status", get_args(OrderStatus))
def test_a_new_order_is_no_more_than_a_draft(status: OrderStatus) -> None:
    draft = ORDER.to_vendor(OrderPatch(status=status, currency="JPY"), None, ACCOUNT)
    near = status in ("open", "completed", "archived")
    assert refused(draft) == ({} if near or status == "draft" else {"/status": "invalid"})
    assert [(loss.path, loss.kind) for loss in draft.loss] == ([("/status", "coerced")] if near else [])
    unsaid = ORDER.to_vendor(OrderPatch(currency="JPY"), None, ACCOUNT)
    assert [(loss.path, loss.kind) for loss in unsaid.loss] == [("/status", "defaulted")]


def test_a_named_customer_gets_the_draft_with_any_address() -> None:
    named = OrderPatch(currency="JPY", customer=ReferencePatch(remote_id="cus_1", email="ann@example.com"))

    draft = ORDER.to_vendor(named, None, ACCOUNT)

    # Of an address that is not the customer's own Medusa would make another customer, and give that one the order.
    sent = on_the_wire(draft.body.body)
    assert (sent["customer_id"], "email" in sent) == ("cus_1", False)
    assert {loss.path: loss.kind for loss in draft.loss}["/customer/email"] == "ambiguous"


@pytest.mark.parametrize(
    ("line", "refusals"),
    [
        (LineItemPatch(quantity="1"), {"": "invalid"}),
        (LineItemPatch(name="Mug", quantity="1"), {"": "invalid"}),
        (
            LineItemPatch(product=ProductReferencePatch(remote_id="prod_1"), quantity="1"),
            {"": "invalid", "/product/remote_id": "unsupported"},
        ),
        (LineItemPatch(product=ProductReferencePatch(variant_remote_id="variant_1"), sku="X", quantity="1"), {}),
        (
            LineItemPatch(product=ProductReferencePatch(variant_remote_id="variant_1"), quantity="0"),
            {"/quantity": "invalid"},
        ),
        (
            LineItemPatch(product=ProductReferencePatch(variant_remote_id="variant_1"), quantity="-2"),
            {"/quantity": "invalid"},
        ),
        (
            LineItemPatch(
                product=ProductReferencePatch(variant_remote_id="variant_1"), quantity="123456789012.123456789"
            ),
            {"/quantity": "invalid"},
        ),
        (
            LineItemPatch(product=ProductReferencePatch(variant_remote_id="variant_1"), quantity="1", taxable=True),
            {"/taxable": "unsupported"},
        ),
    ],
)
def test_a_line_is_a_variant_or_has_name_and_price(line: LineItemPatch, refusals: dict[str, str]) -> None:
    draft = ORDER.to_vendor(OrderPatch(currency="JPY", line_items=(line,)), None, ACCOUNT)
    assert refused(draft) == {f"/line_items/0{pointer}": kind for pointer, kind in refusals.items()}


def test_the_buyers_name_and_phone_are_written_into_the_billing_address() -> None:
    buyer = ReferencePatch(email="a@b.example", name="Ann Lee", phone="1")
    draft = ORDER.to_vendor(OrderPatch(currency="JPY", status="draft", customer=buyer), None, ACCOUNT)
    assert draft.refused == ()
    assert on_the_wire(draft.body.body)["billing_address"] == {"first_name": "Ann", "last_name": "Lee", "phone": "1"}
    assert [(loss.path, loss.kind) for loss in draft.loss] == [
        ("/customer/name", "coerced"),
        ("/customer/phone", "coerced"),
    ]
    shipped = AddressPatch(name="Ann Lee", phone="1", country_code="JP")
    same = OrderPatch(currency="JPY", status="draft", customer=buyer, shipping_address=shipped)
    assert ORDER.to_vendor(same, None, ACCOUNT).loss == ()


def test_goods_go_by_a_way_that_the_shop_has() -> None:
    lines = (
        ShippingLinePatch(title="Balloon", price="1.00"),
        ShippingLinePatch(title="Rider", carrier="Jo", price="1"),
    )
    draft = ORDER.to_vendor(OrderPatch(currency="JPY", shipping_lines=lines), None, ACCOUNT)
    assert refused(draft) == {"/shipping_lines/1/carrier": "unsupported"}
    assert ("/shipping_lines/0/title", "coerced") in [(loss.path, loss.kind) for loss in draft.loss]
    methods = on_the_wire(draft.body.body)["shipping_methods"]
    assert [one["shipping_option_id"] for one in methods] == ["so_post", "so_rider"]
    none = ORDER.to_vendor(
        OrderPatch(currency="JPY", shipping_lines=lines[:1]), None, replace(ACCOUNT, shipping_options=())
    )
    assert refused(none) == {}
    assert [one["title"] for one in on_the_wire(none.body.body)["items"]] == ["Balloon"]
    assert ("/shipping_lines/0", "/line_items/0") in [(one.path, one.place) for one in none.loss]
