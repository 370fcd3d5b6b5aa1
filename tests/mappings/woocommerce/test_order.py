"""Orders both ways: lines of products, people, a change that sends only itself."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.order import Order
from canonical.order_patch import (
    DiscountPatch,
    LineItemPatch,
    LineOptionPatch,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, CustomFieldSetting, ProductReferencePatch, ReferencePatch
from mappings.woocommerce.order_r1 import ORDER
from tests.mappings.drafts import on_the_wire, refused
from tests.required import required

from .conftest import ACCOUNT, EmulatedShop, golden, record

LINES = (LineItemPatch(product=ProductReferencePatch(remote_id="11"), name="Mug", quantity="2", unit_price="19.90"),)
LINE = {"id": 65, "name": "Mug", "quantity": 2, "subtotal": "10.00", "total": "10.00"}
ORDERED = {"id": 7, "status": "processing", "currency": "EUR", "total": "10.00"}


@pytest.mark.parametrize(
    ("patch", "sent"),
    [
        (OrderPatch(), {}),
        (OrderPatch(customer_note=None), {"customer_note": ""}),
        (OrderPatch(status="completed"), {"status": "completed"}),
        (OrderPatch(customer=None), {"customer_id": 0, "billing": {"email": None, "phone": ""}}),
        (OrderPatch(customer=ReferencePatch(remote_id="27")), {"customer_id": 27}),
        (OrderPatch(customer=ReferencePatch(phone="1")), {"billing": {"phone": "1"}}),
        (OrderPatch(currency="EUR"), {}),
        (OrderPatch(external_id=None), {"meta_data": [{"key": "_lockstitch_external_id", "value": None}]}),
    ],
)
def test_a_change_sends_only_what_was_asked_for(patch: OrderPatch, sent: dict[str, Any]) -> None:
    draft = ORDER.to_vendor(patch, ORDER.decode(golden("order-full")), ACCOUNT)
    assert draft.refused == ()
    assert on_the_wire(draft.body) == sent


@pytest.mark.parametrize(
    ("change", "reads"),
    [
        ({"line_items": [LINE | {"sku": 4711}]}, lambda data: data.line_items[0].sku == "4711"),
        ({"line_items": [LINE | {"sku": False}]}, lambda data: data.line_items[0].sku is None),
        ({"line_items": [LINE | {"name": None}]}, lambda data: data.line_items[0].name == ""),
        ({"line_items": [LINE | {"quantity": "2", "product_id": "11"}]}, lambda data: data.totals.items == "10.00"),
        ({"line_items": [LINE | {"subtotal": 10, "total": 10.0}]}, lambda data: data.line_items[0].total == "10.00"),
        ({"line_items": [LINE | {"total_tax": None}]}, lambda data: data.line_items[0].tax == "0.00"),
        ({"line_items": {"65": LINE, "66": LINE | {"id": 66}}}, lambda data: len(data.line_items) == 2),
        ({"meta_data": {"3": {"id": 9, "key": "gift_message", "value": "Hi"}}}, lambda data: gift_of(data) == "Hi"),
        ({"meta_data": {"gift_message": "Hi"}}, lambda data: gift_of(data) == "Hi"),
        ({"meta_data": [{"id": 1, "key": None, "value": 1}]}, lambda data: gift_of(data) is None),
        ({"number": 731, "customer_id": "26"}, lambda data: (data.number, data.is_guest) == ("731", False)),
        (
            {"billing": {"postcode": 8001, "phone": 441174960123}},
            lambda data: data.billing_address.postal_code == "8001",
        ),
        ({"billing": []}, lambda data: data.billing_address is None),
        ({"total": 10, "total_tax": 0}, lambda data: data.totals.total == "10.00"),
        ({"transaction_id": 12345, "payment_method": "bacs"}, lambda data: data.payments[0].remote_id == "12345"),
        ({"date_paid_gmt": "", "date_completed_gmt": "0000-00-00T00:00:00"}, lambda data: data.paid_at is None),
        ({"customer_note": None, "created_via": None}, lambda data: data.customer_note is None),
        ({"prices_include_tax": "yes"}, lambda data: data.tax_inclusive is False),
        ({"_links": []}, lambda data: True),
    ],
)
def test_a_scalar_in_another_spelling_refuses_no_order(change: Any, reads: Any) -> None:
    assert reads(ORDER.read(msgspec.json.encode(ORDERED | change), ACCOUNT).data)


CHOSEN = [
    {"id": 1, "key": "pa_color", "value": "dusk-blue", "display_key": "Color", "display_value": "Dusk &amp; Blue"},
    {"id": 2, "key": "Engraving", "value": "For Ann"},
    {"id": 3, "key": "_reduced_stock", "value": "1", "display_key": "_reduced_stock", "display_value": "1"},
    {"id": 4, "key": "Length", "value": 12.50, "display_key": "Length", "display_value": 12.50},
    {"id": 5, "key": "Wrap", "value": True},
    {"id": 6, "key": "Nothing", "value": ""},
    {"id": 7, "key": "Parts", "value": ["a", "b"]},
]


def test_what_was_chosen_with_a_line_is_read() -> None:
    mapped = ORDER.read(msgspec.json.encode(ORDERED | {"line_items": [LINE | {"meta_data": CHOSEN}]}), ACCOUNT)
    assert [(one.name, one.value) for one in mapped.data.line_items[0].options] == [
        ("Color", "Dusk & Blue"),
        ("Engraving", "For Ann"),
        ("Length", "12.5"),
        ("Wrap", "true"),
        ("Parts", '["a","b"]'),
    ]
    assert [(one.path, one.kind) for one in mapped.loss] == [("/line_items/0/options/4/value", "coerced")]


LINE_FIELDS = (
    CustomFieldSetting(key="gift", vendor_field="gift_message"),
    CustomFieldSetting(key="engraving", vendor_field="line:Engraving"),
    CustomFieldSetting(key="colour", vendor_field="line:pa_color", type="enum"),
    CustomFieldSetting(key="length", vendor_field="line:Length", type="number"),
    CustomFieldSetting(key="stock", vendor_field="line:_reduced_stock", type="date"),
)
WITH_LINE_FIELDS = msgspec.structs.replace(ACCOUNT, custom_fields={"order": LINE_FIELDS})


def test_a_lines_meta_is_a_custom_field_where_the_configuration_names_it() -> None:
    lines = [LINE, LINE | {"id": 66, "meta_data": CHOSEN}]
    mapped = ORDER.read(msgspec.json.encode(ORDERED | {"line_items": lines}), WITH_LINE_FIELDS)
    assert [one.key for one in mapped.data.custom_fields] == ["gift"]
    without, with_meta = ({one.key: one.value for one in line.custom_fields} for line in mapped.data.line_items)
    assert with_meta == {"engraving": "For Ann", "colour": "dusk-blue", "length": 12.5, "stock": "1"}
    assert without == dict.fromkeys(with_meta)
    assert ("/line_items/1/custom_fields/3/value", "ambiguous") in [(one.path, one.kind) for one in mapped.loss]


def test_a_new_line_has_its_options_and_custom_fields() -> None:
    line = LineItemPatch(
        product=ProductReferencePatch(remote_id="11"),
        quantity="1",
        options=(
            LineOptionPatch(name="Engraving", value="For Jo"),
            LineOptionPatch(name="Size", value="M"),
            LineOptionPatch(name="Size", value="L"),
            LineOptionPatch(name="_lockstitch_operation", value="op"),
        ),
        custom_fields=(
            CustomFieldPatch(key="engraving", value="For Ann"),
            CustomFieldPatch(key="length", value=12.5),
            CustomFieldPatch(key="gift", value="no"),
            CustomFieldPatch(key="colour", value=None),
        ),
    )
    draft = ORDER.to_vendor(OrderPatch(line_items=(line,)), None, WITH_LINE_FIELDS)
    assert on_the_wire(draft.body)["line_items"][0]["meta_data"] == [
        {"key": "Engraving", "value": "For Ann"},
        {"key": "Size", "value": "M"},
        {"key": "Length", "value": "12.5"},
    ]
    assert refused(draft) == {
        "/line_items/0/options/2": "unsupported",
        "/line_items/0/options/3": "unsupported",
        "/line_items/0/custom_fields/2/key": "unsupported",
    }


def test_entities_stay_in_no_text_for_people() -> None:
    place = {
        "first_name": "Se&#225;n",
        "last_name": "O&#039;Neill",
        "company": "Lee &amp; Co",
        "city": "S&atilde;o Paulo",
    }
    change = {
        "line_items": [LINE | {"name": "Ship Your Idea &ndash; Mug &AMP; Co"}],
        "shipping_lines": [{"total": "0", "method_title": "Pick &amp; go"}],
        "coupon_lines": [{"code": "b&amp;b", "discount": "1.00"}],
        "refunds": [{"id": 9, "total": "-1.00", "reason": "Chipped &amp; cracked"}],
        "customer_note": "Ring &lt;twice&gt;",
        "billing": place,
        "shipping": place | {"address_1": "1 &quot;Quay&quot;", "state": "&Aring;land"},
    }
    data: Any = ORDER.read(msgspec.json.encode(ORDERED | change), ACCOUNT).data
    assert data.line_items[0].name == "Ship Your Idea \u2013 Mug & Co"
    assert (data.shipping_lines[0].title, data.discounts[0].code) == ("Pick & go", "b&b")
    assert (data.refunds[0].reason, data.customer_note) == ("Chipped & cracked", "Ring <twice>")
    assert (data.customer.name, data.billing_address.name) == ("Se\u00e1n O'Neill", "Se\u00e1n O'Neill")
    assert (data.billing_address.company, data.billing_address.city) == ("Lee & Co", "S\u00e3o Paulo")
    assert (data.shipping_address.line1, data.shipping_address.region) == ('1 "Quay"', "\u00c5land")


def gift_of(data: Order) -> Any:
    return next(one.value for one in data.custom_fields if one.key == "gift")


def test_a_refund_without_an_id_is_a_deleted_one() -> None:
    stubs = [{"id": 0, "reason": "", "total": "-0.00"}, {"id": None, "total": None}, {"id": 9, "total": "-4.00"}]
    mapped = ORDER.to_canonical(record("processing", refunds=stubs), ACCOUNT)
    assert [one.remote_id for one in mapped.data.refunds] == ["9"]
    assert (mapped.data.totals.refunded, mapped.data.payment_status) == ("4.00", "partially_refunded")
    assert [loss.path for loss in mapped.loss if loss.kind == "truncated"] == ["/refunds/0"]


def test_a_new_order_names_products_and_the_prices_for_all_of_a_line() -> None:
    patch = OrderPatch(
        line_items=(
            LineItemPatch(name="Mug", product=ProductReferencePatch(remote_id="11"), quantity="3", unit_price="19.90"),
            LineItemPatch(product=ProductReferencePatch(variant_remote_id="13"), quantity="1"),
            LineItemPatch(name="Scarf", sku="SCARF", quantity="2.0", unit_price="0.335"),
        ),
        shipping_lines=(ShippingLinePatch(title="Post", price="5"),),
    )
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    assert draft.refused == ()
    assert [(one.path, one.kind) for one in draft.loss] == [("/line_items/2", "coerced")]
    assert on_the_wire(draft.body) == {
        "line_items": [
            {"quantity": 3, "product_id": 11, "name": "Mug", "subtotal": "59.70", "total": "59.70"},
            {"quantity": 1, "variation_id": 13},
        ],
        "fee_lines": [
            {
                "name": "2 x Scarf (SCARF)",
                "total": "0.67",
                "meta_data": [
                    {
                        "key": "_lockstitch_line",
                        "value": {
                            "place": 2,
                            "name": "Scarf",
                            "sku": "SCARF",
                            "quantity": "2",
                            "unit_price": "0.335",
                            "subtotal": "0.67",
                            "total": "0.67",
                        },
                    }
                ],
            }
        ],
        "shipping_lines": [{"method_id": "other", "method_title": "Post", "total": "5.00"}],
    }


def test_what_cannot_be_kept_is_refused_and_nothing_is_ignored() -> None:
    patch = OrderPatch(
        status="draft",
        payment_status="disputed",
        fulfillment_status="unknown",
        number="1",
        presentment_currency="EUR",
        tax_inclusive=True,
        customer=ReferencePatch(remote_id="x", name="Jo"),
        billing_address=AddressPatch(type="home", phone="1"),
        line_items=(
            LineItemPatch(
                product=ProductReferencePatch(remote_id="11"),
                quantity="1.5",
                tax="1.00",
            ),
            LineItemPatch(
                product=ProductReferencePatch(variant_remote_id="0"),
                quantity="1",
                taxable=True,
                custom_fields=(CustomFieldPatch(key="a", value="b"),),
            ),
            LineItemPatch(
                name="Free", quantity="1", tax="1.00", taxable=True, options=(LineOptionPatch(name="Size", value="L"),)
            ),
        ),
        discounts=(DiscountPatch(amount="1.00"),),
        shipping_lines=(ShippingLinePatch(title="Post", price="1.005", carrier="dhl", tax="1.00"),),
        tags=("a",),
        internal_note="x",
        is_test=True,
        placed_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    refusals = refused(ORDER.to_vendor(patch, None, ACCOUNT))
    assert {pointer for pointer, kind in refusals.items() if kind == "invalid"} == {
        "/payment_status",
        "/fulfillment_status",
        "/customer/remote_id",
        "/line_items/0/quantity",
        "/line_items/1/product/variant_remote_id",
        "/line_items/2",
    }
    assert {pointer for pointer, kind in refusals.items() if kind == "unsupported"} == {
        *("/status", "/number", "/presentment_currency", "/tags", "/internal_note"),
        *("/is_test", "/placed_at", "/billing_address/phone", "/line_items/1/taxable"),
        *("/line_items/1/custom_fields/0/key", "/shipping_lines/0/carrier"),
    }
    later = OrderPatch(line_items=LINES, shipping_lines=(), currency="USD")
    assert refused(ORDER.to_vendor(later, ORDER.decode(golden("order-full")), ACCOUNT)) == {
        "/line_items": "unsupported",
        "/shipping_lines": "unsupported",
        "/currency": "unsupported",
    }
    unknown = OrderPatch(customer=ReferencePatch(id="cus_1"))
    assert refused(ORDER.to_vendor(unknown, None, ACCOUNT)) == {"/customer/id": "invalid"}


def test_the_buyers_name_may_be_sent_back_as_it_was_read() -> None:
    current = ORDER.decode(golden("order-full"))
    patch = OrderPatch(customer=ReferencePatch(remote_id="26", name="Livia Keller", phone="+41 1"))
    assert on_the_wire(ORDER.to_vendor(patch, current, ACCOUNT).body) == {"billing": {"phone": "+41 1"}}


def test_the_name_of_a_buyer_who_is_removed_stays_in_the_billing_address() -> None:
    draft = ORDER.to_vendor(OrderPatch(customer=None), ORDER.decode(golden("order-full")), ACCOUNT)
    assert [(one.path, one.kind) for one in draft.loss] == [("/customer", "coerced")]


def test_a_change_of_an_address_leaves_what_stays_as_the_shop_has_it() -> None:
    """Two names are not parted anew, nor a spelling of the shop's made ours."""
    place = {
        "first_name": "Mary Ann",
        "last_name": "van der O&#039;Neill",
        "address_1": "1 &amp; 2 Quay",
        "state": "BE",
    }
    current = record("pending", billing=place | {"country": "Helvetia"}, shipping=place | {"country": "CH"})
    order: Any = ORDER.to_canonical(current, ACCOUNT).data
    for kind in ("billing", "shipping"):
        read_ = getattr(order, f"{kind}_address")
        same = AddressPatch(name=read_.name, line1=read_.line1, region=read_.region, country_code=read_.country_code)
        moved = msgspec.structs.replace(same, city="Bern")
        sent = [
            on_the_wire(
                ORDER.to_vendor(
                    msgspec.structs.replace(OrderPatch(), **{f"{kind}_address": one}), current, ACCOUNT
                ).body
            )
            for one in (same, moved, None)
        ]
        emptied = dict.fromkeys((*place, "country"), "")
        assert sent == [{}, {kind: {"city": "Bern"}}, {kind: emptied}]


def test_a_time_without_its_gmt_value_is_read_with_a_loss() -> None:
    times = {"date_created": "2018-03-01T10:00:00", "date_paid": "2018-03-01T10:05:00", "date_paid_gmt": None}
    mapped = ORDER.to_canonical(ORDER.decode(msgspec.json.encode(ORDERED | times)), ACCOUNT)

    assert mapped.data.created_at == datetime(2018, 3, 1, 10, tzinfo=UTC)
    assert mapped.data.paid_at == datetime(2018, 3, 1, 10, 5, tzinfo=UTC)
    assert {one.path for one in mapped.loss if one.kind == "ambiguous"} >= {"/created_at", "/paid_at"}


ODD_TEXT = st.text(st.sampled_from("ab<>&;%41 \n"), min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(text=ODD_TEXT)
def test_text_of_an_order_reads_as_it_was_sent(text: str) -> None:
    line = msgspec.structs.replace(LINES[0], name=text, options=(LineOptionPatch(name="Note", value=text),))
    patch = OrderPatch(line_items=(line,), customer_note=text, shipping_address=AddressPatch(line1=text, city="Bonn"))
    with EmulatedShop() as shop:
        made = shop.made(ORDER, patch).data

    read = (made.line_items[0].name, made.line_items[0].options[0].value, made.customer_note)
    assert (*read, required(made.shipping_address).line1) == (text, text, text, text)


def test_the_name_of_the_recipient_is_not_that_of_the_buyer() -> None:
    buyer, recipient = ReferencePatch(email="a@b.example", name="Ann Lee"), AddressPatch(name="Ann Lee", city="Bonn")
    with EmulatedShop() as shop:
        made = shop.made(ORDER, OrderPatch(line_items=LINES, customer=buyer, shipping_address=recipient)).data

    assert required(made.customer).name == "Ann Lee"
