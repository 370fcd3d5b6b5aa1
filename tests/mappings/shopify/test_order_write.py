"""Orders made: what their sums and discounts become, and what Shopify does not let be made."""

import json
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from canonical.order import DiscountType, OrderStatus, PaymentStatus
from canonical.order_patch import (
    DiscountPatch,
    LineItemPatch,
    LineOptionPatch,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, ProductReferencePatch, ReferencePatch
from mappings.shopify.order_write_r1 import to_vendor
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_inputs_2026_07 import (
    MailingAddressInput,
    OrderWrite,
)
from mappings.spec import Draft

from .conftest import SHOP

MUG = LineItemPatch(name="Mug", quantity="2", unit_price="10.00")
PRICE = st.decimals(0, 500, places=2).map(lambda amount: f"{amount:f}")
LINES = st.builds(
    LineItemPatch,
    name=st.sampled_from(["Mug", "Thread", "Needle"]),
    quantity=st.integers(1, 9).map(str),
    unit_price=PRICE,
    tax=st.none() | PRICE,
    sku=st.none() | st.just("A-1"),
)
SHIPPING = st.builds(ShippingLinePatch, title=st.just("Post"), price=PRICE, tax=st.none() | PRICE)


def made(**fields: Any) -> dict[str, Any]:
    """What Shopify is asked to make, with nothing refused."""
    draft = to_vendor(OrderPatch(**fields), None, SHOP)
    assert draft.refused == ()
    return json.loads(msgspec.json.encode(draft.body.create))


def refused(account: Account = SHOP, **fields: Any) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(OrderPatch(**fields), None, account).refused}


def sum_of(amount: str) -> dict[str, Any]:
    """An amount in the shop's currency."""
    return {"shopMoney": {"amount": amount, "currencyCode": "EUR"}}


@pytest.mark.parametrize(
    ("status", "sent", "is_exact"),
    [
        ("unfulfilled", None, True),
        ("fulfilled", "FULFILLED", True),
        ("delivered", "FULFILLED", False),
        ("partially_fulfilled", "PARTIAL", False),
        ("on_hold", None, False),
    ],
)
def test_a_new_order_says_how_much_was_sent_already(status: Any, sent: str | None, is_exact: bool) -> None:
    assert made(fulfillment_status=status).get("fulfillmentStatus") == sent
    loss = to_vendor(OrderPatch(fulfillment_status=status), None, SHOP).loss
    assert [one.path for one in loss if one.path == "/fulfillment_status"] == (
        [] if is_exact else ["/fulfillment_status"]
    )


def test_a_whole_order_is_made() -> None:
    address = AddressPatch(name="Ann M. Lee", line1="Main 1", city="Berlin", country_code="DE", type="billing")

    order = made(
        number="X-1",
        payment_status="paid",
        customer=ReferencePatch(remote_id="7", email="ann@example.com"),
        billing_address=address,
        line_items=(
            LineItemPatch(
                name="Mug",
                quantity="2",
                unit_price="10.00",
                tax="3.80",
                sku="M",
                requires_shipping=True,
                options=(LineOptionPatch(name="Engraving", value="?"), LineOptionPatch(name="Size", value="M")),
                custom_fields=(CustomFieldPatch(key="engraving", value="A.L."),),
            ),
        ),
        discounts=(DiscountPatch(label="Friends", amount="5.00"),),
        shipping_lines=(ShippingLinePatch(title="Post", price="4.00"),),
        tags=("a",),
        customer_note="Ring.",
        external_id="so-1",
        custom_fields=(CustomFieldPatch(key="gift", value="Hi"), CustomFieldPatch(key="priority", value=2)),
    )

    assert order == {
        "name": "X-1",
        "customer": {"toAssociate": {"id": "gid://shopify/Customer/7"}},
        "email": "ann@example.com",
        "billingAddress": {
            "firstName": "Ann M.",
            "lastName": "Lee",
            "company": None,
            "address1": "Main 1",
            "address2": None,
            "city": "Berlin",
            "provinceCode": None,
            "zip": None,
            "countryCode": "DE",
            "phone": None,
        },
        "lineItems": [
            {
                "quantity": 2,
                "title": "Mug",
                "sku": "M",
                "priceSet": sum_of("10.00"),
                "requiresShipping": True,
                "taxLines": [{"title": "Tax", "rate": "0.19", "priceSet": sum_of("3.80")}],
                "properties": [{"name": "Engraving", "value": "A.L."}, {"name": "Size", "value": "M"}],
            }
        ],
        "shippingLines": [{"title": "Post", "priceSet": sum_of("4.00")}],
        "discountCode": {"itemFixedDiscountCode": {"code": "Friends", "amountSet": sum_of("5.00")}},
        "transactions": [{"kind": "SALE", "status": "SUCCESS", "amountSet": sum_of("22.80")}],
        "note": "Ring.",
        "tags": ["a"],
        "customAttributes": [{"key": "Gift message", "value": "Hi"}],
        "metafields": [
            {"namespace": "lockstitch", "key": "external_id", "type": "id", "value": "so-1"},
            {"namespace": "custom", "key": "priority", "type": "number_decimal", "value": "2"},
        ],
    }


@given(st.lists(LINES, min_size=1, max_size=4), st.lists(SHIPPING, max_size=2), st.sampled_from([True, False, UNSET]))
def test_what_is_paid_is_the_total_by_the_rule(
    lines: list[LineItemPatch], shipping: list[ShippingLinePatch], inclusive: Any
) -> None:
    order = made(
        payment_status="paid", line_items=tuple(lines), shipping_lines=tuple(shipping), tax_inclusive=inclusive
    )

    total = sum((Decimal(line.quantity) * Decimal(line.unit_price or 0) for line in lines), Decimal(0))
    total += sum((Decimal(line.price) for line in shipping), Decimal(0))
    if inclusive is not True:
        taxes = [*(line.tax for line in lines), *(line.tax for line in shipping)]
        total += sum((Decimal(tax or 0) for tax in taxes), Decimal(0))
    assert Decimal(order["transactions"][0]["amountSet"]["shopMoney"]["amount"]) == total


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"line_items": (LineItemPatch(quantity="1"),)}, "/line_items/0"),
        ({"line_items": (LineItemPatch(name="Cloth", quantity="1.5", unit_price="3.00"),)}, "/line_items/0/quantity"),
        (
            {
                "line_items": (
                    LineItemPatch(product=ProductReferencePatch(variant_remote_id="4"), quantity="1", tax="1.00"),
                )
            },
            "/line_items/0/unit_price",
        ),
        (
            {"line_items": (MUG,), "discounts": (DiscountPatch(amount="1.00", code="A", label="B"),)},
            "/discounts/0/label",
        ),
        ({"shipping_lines": (ShippingLinePatch(title="Post", price="-1.00"),)}, "/shipping_lines/0/price"),
        (
            {"shipping_lines": (ShippingLinePatch(title="Post", price="1.00", carrier="dhl"),)},
            "/shipping_lines/0/carrier",
        ),
        ({"customer": ReferencePatch(id="cus_0198f0a2b7c47d3c")}, "/customer/id"),
        ({"presentment_currency": "NOK"}, "/presentment_currency"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_place(fields: dict[str, Any], pointer: str) -> None:
    assert list(refused(**fields)) == [pointer]


def test_a_sum_needs_a_currency() -> None:
    assert list(refused(account=Account(), line_items=(MUG,))) == ["/currency"]
    assert refused(account=Account(), line_items=(MUG,), currency="NOK") == {}


def test_a_payment_of_a_variant_needs_its_price() -> None:
    variant = LineItemPatch(product=ProductReferencePatch(variant_remote_id="4"), quantity="1")

    assert refused(line_items=(variant,)) == {}
    assert list(refused(line_items=(variant,), payment_status="paid")) == ["/line_items/0/unit_price"]


def test_free_shipping_takes_off_all_of_it() -> None:
    order = made(
        line_items=(MUG,),
        shipping_lines=(ShippingLinePatch(title="Post", price="4.00"),),
        discounts=(DiscountPatch(type="shipping", code="FREE", amount="4.00"),),
    )

    assert order["discountCode"] == {"freeShippingDiscountCode": {"code": "FREE"}}


@pytest.mark.parametrize(
    ("discounts", "amount", "lost"),
    [
        (
            (DiscountPatch(code="A", amount="1.00"), DiscountPatch(amount="2.00", type="percentage")),
            "3.00",
            ("/discounts/1", "folded"),
        ),
        ((DiscountPatch(code="A", amount="1.00", type="shipping"),), "1.00", ("/discounts/0/type", "coerced")),
        ((DiscountPatch(code="A", amount="1.50", type="percentage"),), "1.50", ("/discounts/0/type", "coerced")),
        ((DiscountPatch(label="A", amount="1.50"),), "1.50", ("/discounts/0/label", "coerced")),
        ((DiscountPatch(amount="1.50"),), "1.50", ("/discounts/0/code", "defaulted")),
    ],
)
def test_other_discounts_become_one_fixed_amount(
    discounts: tuple[DiscountPatch, ...], amount: str, lost: tuple[str, str]
) -> None:
    draft = to_vendor(OrderPatch(currency="NOK", line_items=(MUG,), discounts=discounts), None, SHOP)

    assert draft.refused == ()
    code = msgspec.to_builtins(draft.body)["create"]["discountCode"]["itemFixedDiscountCode"]
    assert code["amountSet"]["shopMoney"]["amount"] == amount
    assert [(one.path, one.kind) for one in draft.loss] == [lost]


def test_an_address_of_another_type_is_stored_without_it() -> None:
    draft = to_vendor(OrderPatch(shipping_address=AddressPatch(type="home", line1="1 High Street")), None, SHOP)

    assert draft.refused == ()
    assert [(one.path, one.kind) for one in draft.loss] == [("/shipping_address/type", "coerced")]


def test_the_name_of_the_recipient_is_not_that_of_the_buyer() -> None:
    buyer, recipient = ReferencePatch(email="a@b.example", name="Ann Lee"), AddressPatch(name="Ann Lee")
    draft = to_vendor(OrderPatch(customer=buyer, shipping_address=recipient), None, SHOP)

    billing = draft.body.create.billing_address
    assert isinstance(billing, MailingAddressInput)
    assert (billing.first_name, billing.last_name) == ("Ann", "Lee")
    assert [(one.path, one.kind) for one in draft.loss] == [("/customer/name", "coerced")]


def test_the_buyers_name_is_that_of_the_billing_address() -> None:
    def drafted(**fields: Any) -> Draft[OrderWrite]:
        return to_vendor(OrderPatch(customer=ReferencePatch(email="a@b.example", name="Ann Lee"), **fields), None, SHOP)

    unnamed = drafted(billing_address=AddressPatch(city="Oslo"))
    place = msgspec.to_builtins(unnamed.body)["create"]["billingAddress"]
    assert (place["firstName"], place["lastName"]) == ("Ann", "Lee")
    assert [(one.path, one.kind) for one in unnamed.loss] == [("/customer/name", "coerced")]
    assert drafted(billing_address=AddressPatch(name="Ann Lee")).loss == ()
    other = drafted(billing_address=AddressPatch(name="Bo Lee"))
    assert [(one.path, one.kind) for one in other.loss] == [("/customer/name", "coerced")]
    alone = drafted()
    assert alone.refused == ()
    named = msgspec.to_builtins(alone.body)["create"]["billingAddress"]
    assert {key: value for key, value in named.items() if value is not None} == {"firstName": "Ann", "lastName": "Lee"}
    assert [(one.path, one.kind) for one in alone.loss] == [("/customer/name", "coerced")]


def test_every_canonical_value_is_held_or_refused_with_those_that_can_be() -> None:
    for status in get_args(PaymentStatus):
        complaint = refused(payment_status=status, line_items=(MUG,)).get("/payment_status")
        assert (complaint is None) is (status not in ("refunded", "disputed", "unknown"))
        assert complaint is None or complaint.endswith("one of: paid, authorized, pending")
    for kind in get_args(DiscountType):
        complaint = refused(discounts=(DiscountPatch(amount="0.00", type=kind),)).get("/discounts/0/type")
        assert complaint is None
    for status in get_args(OrderStatus):
        assert ("/status" in refused(status=status)) is (status != "open")


@pytest.mark.parametrize("status", ["pending", "authorized", "paid"])
def test_an_order_that_adds_up_to_nothing_is_paid(status: PaymentStatus) -> None:
    def lost(price: str) -> list[tuple[str, str]]:
        line = LineItemPatch(name="Mug", quantity="1", unit_price=price)
        loss = to_vendor(OrderPatch(line_items=(line,), payment_status=status), None, SHOP).loss
        return [(one.path, one.kind) for one in loss]

    assert lost("0.00") == ([] if status == "paid" else [("/payment_status", "coerced")])
    assert lost("0.01") == []
