"""Orders written: a new one is a checkout or a draft of an invoice, a change says all or is refused."""

from typing import Any, get_args

import msgspec
import pytest

from canonical.order import OrderStatus
from canonical.order_patch import LineItemPatch, LineOptionPatch, OrderPatch, ShippingLinePatch
from canonical.parts import AddressPatch, CustomFieldPatch, ProductReferencePatch, ReferencePatch
from mappings.spec import decode
from mappings.stripe.order_r1 import ORDER
from mappings.stripe.wire_2026_10_28 import CheckoutSession, Invoice
from tests.mappings.drafts import refused

from .conftest import ACCOUNT, golden, on_the_wire

INVOICE = decode(golden("order-invoice"), Invoice)
SESSION = decode(golden("order-checkout"), CheckoutSession)
MUG = LineItemPatch(name="Mug", quantity="2", unit_price="19.90")


def wire(patch: OrderPatch, current: Any = None) -> dict[str, str]:
    """What is sent for a write that is taken."""
    draft = ORDER.to_vendor(patch, current, ACCOUNT)
    assert draft.refused == ()
    return on_the_wire(draft.body.body)


def test_a_new_order_is_a_checkout_with_its_lines() -> None:
    patch = OrderPatch(
        currency="EUR",
        customer=ReferencePatch(remote_id="cus_1"),
        line_items=(MUG, LineItemPatch(product=ProductReferencePatch(variant_remote_id="price_1"), quantity="1")),
        tax_inclusive=True,
        shipping_lines=(ShippingLinePatch(title="Post", price="5.00"),),
        external_id="web-1",
        custom_fields=(
            CustomFieldPatch(key="thread", value="silk"),
            CustomFieldPatch(key="thanks_page", value="https://shop.example/thanks"),
        ),
    )
    assert wire(patch) == {
        "mode": "payment",
        "success_url": "https://shop.example/thanks",
        "currency": "eur",
        "customer": "cus_1",
        "line_items[0][quantity]": "2",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount_decimal]": "1990",
        "line_items[0][price_data][product_data][name]": "Mug",
        "line_items[0][price_data][tax_behavior]": "inclusive",
        "line_items[1][quantity]": "1",
        "line_items[1][price]": "price_1",
        "shipping_options[0][shipping_rate_data][display_name]": "Post",
        "shipping_options[0][shipping_rate_data][fixed_amount][amount]": "500",
        "shipping_options[0][shipping_rate_data][fixed_amount][currency]": "eur",
        "shipping_options[0][shipping_rate_data][type]": "fixed_amount",
        "metadata[external_id]": "web-1",
        "metadata[thread]": "silk",
    }


def test_without_a_page_to_go_to_the_checkout_is_for_embedding() -> None:
    sent = wire(OrderPatch(currency="EUR", line_items=(MUG,), customer=ReferencePatch(email="Ann@Example.com")))
    assert (sent["ui_mode"], sent["redirect_on_completion"]) == ("embedded_page", "never")
    assert sent["customer_email"] == "ann@example.com"


def test_the_address_of_a_guest_in_lower_case_is_reported() -> None:
    patch = OrderPatch(currency="EUR", line_items=(MUG,), customer=ReferencePatch(email="Ann@Example.com"))
    (loss,) = ORDER.to_vendor(patch, None, ACCOUNT).loss
    assert (loss.path, loss.kind) == ("/customer/email", "coerced")


def test_a_draft_is_an_invoice() -> None:
    patch = OrderPatch(
        status="draft",
        currency="JPY",
        number="A-1",
        customer=ReferencePatch(remote_id="cus_1"),
        shipping_address=AddressPatch(name="Ann Lee", city="Kyoto", country_code="JP"),
    )
    assert wire(patch) == {
        "customer": "cus_1",
        "currency": "jpy",
        "number": "A-1",
        "shipping_details[name]": "Ann Lee",
        "shipping_details[address][city]": "Kyoto",
        "shipping_details[address][country]": "JP",
    }


@pytest.mark.parametrize(
    ("patch", "refusals"),
    [
        ({"line_items": None}, {"/line_items": "invalid"}),
        ({"currency": None}, {"/currency": "invalid"}),
        (
            {"line_items": (LineItemPatch(name="Cloth", quantity="1.5", unit_price="2.00"),)},
            {"/line_items/0/quantity": "invalid"},
        ),
        ({"status": "cancelled"}, {"/status": "invalid"}),
        ({"number": "A-1"}, {"/number": "unsupported"}),
        ({"customer": ReferencePatch(email="a@b.example", name="A")}, {}),
        (
            {"custom_fields": (CustomFieldPatch(key="thanks_page", value="ftp://x"),)},
            {"/custom_fields/0/value": "invalid"},
        ),
        ({"status": "draft", "line_items": None}, {"/customer": "invalid"}),
        ({"status": "draft", "customer": ReferencePatch(remote_id="cus_1")}, {"/status": "unsupported"}),
    ],
)
def test_what_a_new_order_cannot_hold_is_refused_with_its_place(
    patch: dict[str, Any], refusals: dict[str, str]
) -> None:
    whole: dict[str, Any] = {"currency": "EUR", "line_items": (MUG,)}
    assert refused(ORDER.to_vendor(OrderPatch(**(whole | patch)), None, ACCOUNT)) == refusals


@pytest.mark.parametrize("status", get_args(OrderStatus))
@pytest.mark.parametrize("current", [None, INVOICE, SESSION])
def test_every_status_is_written_or_refused_with_those_that_can_be(status: OrderStatus, current: Any) -> None:
    patch = (
        OrderPatch(status=status)
        if current is not None
        else OrderPatch(status=status, currency="EUR", line_items=(MUG,))
    )
    refusals = refused(ORDER.to_vendor(patch, current, ACCOUNT))
    possible = {"open", "completed", "archived"} if current is None else {"completed"}
    assert ("/status" in refusals) == (status not in possible)


def test_the_sku_of_a_line_is_kept_with_its_product() -> None:
    line = LineItemPatch(name="Mug", sku="M-1", quantity="1", unit_price="2.00")
    draft = ORDER.to_vendor(OrderPatch(currency="EUR", line_items=(line,)), None, ACCOUNT)

    assert (draft.refused, draft.loss) == ((), ())
    sent = wire(OrderPatch(currency="EUR", line_items=(line,)))
    assert sent["line_items[0][price_data][product_data][metadata][sku]"] == "M-1"


@pytest.mark.parametrize("current", [INVOICE, SESSION])
@pytest.mark.parametrize(
    "patch",
    [
        OrderPatch(external_id="x"),
        OrderPatch(custom_fields=(CustomFieldPatch(key="thread", value="wool"),)),
        OrderPatch(custom_fields=None),
    ],
)
def test_a_change_of_metadata_sends_metadata_alone(current: Any, patch: OrderPatch) -> None:
    sent = wire(patch, current)
    assert sent
    assert all(name.startswith("metadata[") for name in sent)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"customer": ReferencePatch(email="ann@example.com", name="Ann Lee")}, "Ann Lee"),
        ({"billing_address": AddressPatch(name="Bo Kim")}, "Bo Kim"),
        ({"customer": ReferencePatch(email="ann@example.com")}, "ann@example.com"),
        ({}, None),
    ],
)
def test_a_shipping_address_without_a_name_has_that_of_the_buyer(more: dict[str, Any], name: str | None) -> None:
    patch = OrderPatch(status="draft", currency="EUR", shipping_address=AddressPatch(city="Kyoto"), **more)
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    assert on_the_wire(draft.body.body).get("shipping_details[name]") == name
    assert refused(draft).get("/shipping_address/name") == (None if name else "invalid")


def test_a_shipping_address_is_replaced_whole_or_cleared() -> None:
    sent = wire(OrderPatch(shipping_address=AddressPatch(city="Bern")), INVOICE)
    assert sent["shipping_details[name]"] == "Fadenwerk AG"
    assert (sent["shipping_details[address][city]"], sent["shipping_details[address][line1]"]) == ("Bern", "")
    assert wire(OrderPatch(shipping_address=None), INVOICE) == {"shipping_details": ""}


def test_fields_that_were_read_can_be_sent_back() -> None:
    read = ORDER.to_canonical(SESSION, ACCOUNT).data
    back = tuple(CustomFieldPatch(key=one.key, value=one.value) for one in read.custom_fields)
    assert wire(OrderPatch(custom_fields=back), SESSION) == {}


def test_metadata_of_an_invoice_line_is_an_option_or_custom_field() -> None:
    line = ORDER.to_canonical(INVOICE, ACCOUNT).data.line_items[1]
    assert line.options == ()
    assert [(one.key, one.value) for one in line.custom_fields] == [("colour", "blue")]
    options = tuple(LineOptionPatch(name=name, value="blue") for name in ("colour", "glaze"))
    sent = wire(OrderPatch(currency="EUR", line_items=(msgspec.structs.replace(MUG, options=options[1:]),)))
    assert sent["line_items[0][metadata][glaze]"] == "blue"
    draft = ORDER.to_vendor(
        OrderPatch(currency="EUR", line_items=(msgspec.structs.replace(MUG, options=options),)), None, ACCOUNT
    )
    assert {one.pointer: one.kind for one in draft.refused} == {"/line_items/0/options/0": "unsupported"}
