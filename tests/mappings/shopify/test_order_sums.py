"""The sum of a new order is what its body adds up to: in the input for Shopify, and as Shopify then computes it."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.order import Order
from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.totals import sum_of
from mappings.shopify.order_r1 import ORDER
from mappings.spec import Mapped
from tests.fixtures import opened
from tests.required import required

from .test_emulator import EmulatedShop

MONEY = st.integers(0, 20_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
TAX = st.none() | st.integers(0, 500).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
PATCHES = st.builds(
    OrderPatch,
    currency=st.just("EUR"),
    line_items=st.lists(
        st.builds(
            LineItemPatch,
            name=st.sampled_from(["Mug", "Engraving"]),
            quantity=st.sampled_from(["1", "2", "3", "7"]),
            unit_price=MONEY | st.just("3.333"),
            tax=TAX,
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    discounts=st.lists(
        st.builds(
            DiscountPatch,
            code=st.none() | st.just("A"),
            type=st.sampled_from(["fixed", "shipping", "percentage"]),
            amount=MONEY,
        ),
        max_size=2,
    ).map(tuple),
    shipping_lines=st.lists(
        st.builds(ShippingLinePatch, title=st.sampled_from(["Post", "Insurance"]), price=MONEY, tax=TAX), max_size=2
    ).map(tuple),
    fees=st.lists(st.builds(FeePatch, name=st.just("Wrapping"), amount=MONEY, tax=TAX), max_size=2).map(tuple),
    tax_inclusive=st.booleans(),
)


def ordered(shop: EmulatedShop, patch: OrderPatch) -> tuple[Mapped[Order], dict[str, Any]]:
    """The order as it reads, and as Shopify stored it."""
    made = shop.made(ORDER, patch, marker=f"op_{len(shop.calls)}")
    stored = required(shop.state.get("Order", f"gid://shopify/Order/{made.remote.id}"))
    return made, stored


shop = opened(EmulatedShop, "module")
"""A shop for all orders of this module."""


@settings(deadline=None)
@given(patch=PATCHES)
def test_shopify_stores_the_sum_of_the_body(shop: EmulatedShop, patch: OrderPatch) -> None:
    wanted = required(sum_of(patch))
    untaxed = sum_of(replace(patch, tax_inclusive=True))
    assume(untaxed is not None and untaxed.total >= 0)  # a larger discount is refused
    made, stored = ordered(shop, patch)
    planned = required(required(ORDER.total_of)(ORDER.to_vendor(patch, None, shop.account).body, shop.account))
    whole = shop.read(ORDER, made.remote.id).data

    assert wanted.is_about(planned)
    assert Decimal(stored["totalPriceSet"]["shopMoney"]["amount"]) == planned
    sent = [(one.name, one.quantity) for one in patch.line_items or ()]
    assert [(one.name, one.quantity) for one in whole.line_items] == sent
    assert [one.amount for one in whole.fees] == [one.amount for one in patch.fees or ()]
    assert [one.path for one in made.loss if one.kind == "ambiguous"] == []


def test_a_discount_above_the_lines_makes_the_shipping_cheaper(shop: EmulatedShop) -> None:
    patch = OrderPatch(
        currency="EUR",
        line_items=(LineItemPatch(name="Mug", quantity="1", unit_price="20.00"),),
        shipping_lines=(
            ShippingLinePatch(title="Post", price="9.00"),
            ShippingLinePatch(title="Insurance", price="1.00"),
        ),
        discounts=(DiscountPatch(code="ALL", amount="25.00"),),
    )
    made, stored = ordered(shop, patch)
    draft = ORDER.to_vendor(patch, None, shop.account)

    assert Decimal(stored["totalPriceSet"]["shopMoney"]["amount"]) == 5
    assert [one.price for one in made.data.shipping_lines] == ["4.50", "0.50"]
    assert ("/discounts/0", "/shipping_lines") in [(one.path, one.place) for one in draft.loss]


def test_a_fee_is_a_line_that_reads_as_a_fee(shop: EmulatedShop) -> None:
    patch = OrderPatch(
        currency="EUR",
        line_items=(LineItemPatch(name="Mug", quantity="2", unit_price="10.00", tax="3.80"),),
        fees=(FeePatch(name="Tip", amount="3.00", tax="0.57"),),
        payment_status="paid",
    )
    made, stored = ordered(shop, patch)
    order = shop.read(ORDER, made.remote.id).data

    assert [one["title"] for one in stored["lineItems"]["nodes"]] == ["Mug", "Tip"]
    assert [(one.name, one.amount, one.tax) for one in order.fees] == [("Tip", "3.00", "0.57")]
    assert (len(order.line_items), order.totals.items, order.totals.fees) == (1, "20.00", "3.00")
    assert (order.totals.total, order.totals.paid, order.payment_status) == ("27.37", "27.37", "paid")


def test_free_shipping_adds_up(shop: EmulatedShop) -> None:
    patch = OrderPatch(
        currency="EUR",
        line_items=(LineItemPatch(name="Mug", quantity="1", unit_price="10.00"),),
        shipping_lines=(ShippingLinePatch(title="Post", price="4.00"),),
        discounts=(DiscountPatch(type="shipping", code="FREE", amount="4.00"),),
    )
    made, _ = ordered(shop, patch)
    totals = made.data.totals

    assert (totals.shipping, totals.discount, totals.total) == ("4.00", "4.00", "10.00")
    assert made.loss == ()


def test_the_fees_of_shopify_are_named() -> None:
    with EmulatedShop() as shop:
        made, _ = ordered(
            shop, OrderPatch(currency="EUR", line_items=(LineItemPatch(name="Mug", quantity="1", unit_price="9.00"),))
        )
        raw, account = shop.raw(ORDER, made.remote.id)
        record = ORDER.decode(raw)
    bag = msgspec.structs.replace(record.total_price_set.shop_money, amount="2.5")
    charged = msgspec.structs.replace(
        record, original_total_duties_set=msgspec.structs.replace(record.total_price_set, shop_money=bag)
    )

    assert [(one.name, one.amount) for one in ORDER.to_canonical(charged, account).data.fees] == [("Duties", "2.50")]
