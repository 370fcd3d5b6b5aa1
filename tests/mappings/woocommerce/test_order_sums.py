"""The sum of a new order is what its body adds up to: in the body for the shop, and as the shop then computes it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.order import Order
from canonical.order_patch import (
    DiscountPatch,
    FeePatch,
    LineItemPatch,
    LineOptionPatch,
    OrderPatch,
    ShippingLinePatch,
)
from canonical.parts import ProductReferencePatch
from canonical.totals import sum_of
from mappings.spec import Mapped
from mappings.woocommerce.order_r1 import ORDER
from tests.required import required

from .conftest import EmulatedShop

MUG = ProductReferencePatch(remote_id="11")
MONEY = st.integers(0, 20_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
TAX = st.none() | st.integers(0, 500).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
LINES = st.builds(
    LineItemPatch,
    name=st.sampled_from(["Mug", "Engraving", "Cloth"]),
    product=st.none() | st.just(MUG),
    sku=st.none() | st.just("A-1"),
    quantity=st.sampled_from(["1", "2", "3", "7", "1.5", "0.333"]),
    unit_price=MONEY | st.sampled_from(["3.333", "0.0335"]),
    tax=TAX,
    options=st.just(()) | st.just((LineOptionPatch(name="Size", value="L"),)),
)
PATCHES = st.builds(
    OrderPatch,
    currency=st.just("EUR"),
    line_items=st.lists(LINES, min_size=1, max_size=4).map(tuple),
    discounts=st.lists(
        st.builds(DiscountPatch, type=st.sampled_from(["fixed", "shipping", "percentage"]), amount=MONEY), max_size=2
    ).map(tuple),
    shipping_lines=st.lists(
        st.builds(ShippingLinePatch, title=st.sampled_from(["Post", "Insurance"]), price=MONEY, tax=TAX), max_size=2
    ).map(tuple),
    fees=st.lists(st.builds(FeePatch, name=st.just("Wrapping"), amount=MONEY, tax=TAX), max_size=2).map(tuple),
    tax_inclusive=st.booleans(),
)


def ordered(patch: OrderPatch, **shop_settings: str) -> tuple[Mapped[Order], dict[str, Any], Decimal | None]:
    """The order as it reads, as the shop stored it, and the sum of the body."""
    with EmulatedShop() as shop:
        shop.set(**shop_settings)
        body = ORDER.to_vendor(patch, None, shop.account).body
        made = shop.made(ORDER, patch)
        stored = shop.do("GET", f"/orders/{made.remote.id}")
        return made, stored, required(ORDER.total_of)(body, shop.account)


@settings(max_examples=120, deadline=None)
@given(patch=PATCHES)
def test_the_shop_stores_the_sum_of_the_body(patch: OrderPatch) -> None:
    wanted = required(sum_of(patch))
    made, stored, planned = ordered(patch)

    assert planned is not None
    # A discount larger than the order leaves nothing to pay.
    assert wanted.is_about(planned) or (wanted.total < 0 and planned == 0)
    assert Decimal(stored["total"]) == planned == Decimal(made.data.totals.total)


@settings(max_examples=120, deadline=None)
@given(patch=PATCHES)
def test_lines_stay_lines(patch: OrderPatch) -> None:
    made, _, _ = ordered(patch)

    lines = patch.line_items or ()
    assert [one.name for one in made.data.line_items] == [one.name for one in lines]
    for sent, read in zip(lines, made.data.line_items, strict=True):
        assert Decimal(read.quantity) == Decimal(sent.quantity)
        assert [(one.name, one.value) for one in read.options] == [(one.name, one.value) for one in sent.options]
        product = Decimal(sent.quantity) * Decimal(sent.unit_price or 0)
        assert abs(Decimal(read.quantity) * Decimal(read.unit_price) - product) <= Decimal("0.005")
    assert [one.path for one in made.loss if one.kind == "ambiguous"] == []


def test_a_discount_is_within_the_lines_and_reads_as_theirs() -> None:
    lines = (
        LineItemPatch(name="Mug", product=MUG, quantity="1", unit_price="100.00"),
        LineItemPatch(name="Engraving", quantity="2", unit_price="50.00"),
    )
    patch = OrderPatch(currency="EUR", line_items=lines, discounts=(DiscountPatch(code="WELCOME", amount="50.01"),))
    made, stored, _ = ordered(patch)

    assert (stored["total"], made.data.totals.total) == ("149.99", "149.99")
    assert (made.data.totals.items, made.data.totals.discount) == ("200.00", "50.01")
    assert sum(Decimal(one.discount) for one in made.data.line_items) == Decimal("50.01")


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_shop_without_taxes_gets_them_as_a_fee_or_within_the_prices(inclusive: bool) -> None:
    line = LineItemPatch(name="Mug", product=MUG, quantity="2", unit_price="11.90", tax="3.80")
    shipping = ShippingLinePatch(title="Post", price="5.95", tax="0.95")
    patch = OrderPatch(currency="EUR", line_items=(line,), shipping_lines=(shipping,), tax_inclusive=inclusive)
    made, stored, _ = ordered(patch)

    assert stored["total"] == ("29.75" if inclusive else "34.50")
    assert [(one.name, one.amount) for one in made.data.fees] == ([] if inclusive else [("Tax", "4.75")])
    draft = ORDER.to_vendor(patch, None, EmulatedShop().account)
    folded = {(one.path, one.place) for one in draft.loss if one.kind == "folded"}
    places = ("/line_items/0/unit_price", "/shipping_lines/0/price") if inclusive else ("/fees/0", "/fees/0")
    assert folded == {("/line_items/0/tax", places[0]), ("/shipping_lines/0/tax", places[1])}


def test_prices_with_tax_are_converted_where_the_shop_adds_the_tax() -> None:
    lines = (
        LineItemPatch(name="Mug", product=MUG, quantity="2", unit_price="11.90", tax="3.80"),
        LineItemPatch(name="Engraving", quantity="1", unit_price="11.90", tax="1.90"),
    )
    patch = OrderPatch(
        currency="EUR",
        line_items=lines,
        shipping_lines=(ShippingLinePatch(title="Post", price="5.95", tax="0.95"),),
        fees=(FeePatch(name="Wrapping", amount="2.38", tax="0.38"),),
        tax_inclusive=True,
    )
    made, stored, planned = ordered(patch, woocommerce_calc_taxes="yes")

    assert (stored["total"], stored["total_tax"], planned) == ("44.03", "7.03", None)
    assert [one.tax for one in made.data.line_items] == ["3.80", "1.90"]
    # The tax of what is left after a discount is what the body says.
    taxed = tuple(replace(one, tax=tax) for one, tax in zip(lines, ("1.90", "0.95"), strict=True))
    half = replace(patch, line_items=taxed, discounts=(DiscountPatch(amount="17.85"),))
    assert ordered(half, woocommerce_calc_taxes="yes")[1]["total"] == "26.18"


def test_prices_with_an_unknown_tax_are_refused_where_the_shop_adds_the_tax() -> None:
    line = LineItemPatch(name="Mug", product=MUG, quantity="2", unit_price="11.90")
    with EmulatedShop() as shop:
        shop.set(woocommerce_calc_taxes="yes")
        draft = ORDER.to_vendor(OrderPatch(line_items=(line,), tax_inclusive=True), None, shop.account)

    assert [(one.pointer, one.kind) for one in draft.refused] == [("/tax_inclusive", "unsupported")]


def test_a_line_that_was_changed_at_the_shop_reads_as_it_is_there() -> None:
    line = LineItemPatch(name="Engraving", quantity="2", unit_price="10.00")
    with EmulatedShop() as shop:
        made = shop.made(ORDER, OrderPatch(line_items=(line,)))
        fee = {"id": int(made.data.line_items[0].remote_id), "total": "30.00", "name": "Engraving, long"}
        shop.do("PUT", f"/orders/{made.remote.id}", fee_lines=[fee])
        (read,) = shop.read(ORDER, made.remote.id).data.line_items

    assert (read.name, read.quantity, read.unit_price, read.total) == ("Engraving, long", "2", "15.00", "30.00")


def test_a_fee_of_the_shop_is_a_fee() -> None:
    with EmulatedShop() as shop:
        made = shop.made(ORDER, OrderPatch(line_items=(LineItemPatch(name="Mug", product=MUG, quantity="1"),)))
        shop.do("PUT", f"/orders/{made.remote.id}", fee_lines=[{"name": "Cash on delivery", "total": "3.00"}])
        order = shop.read(ORDER, made.remote.id).data

    assert [(one.name, one.amount, one.tax) for one in order.fees] == [("Cash on delivery", "3.00", "0.00")]
    assert (order.totals.fees, len(order.line_items)) == ("3.00", 1)


def test_what_is_left_of_a_discount_is_announced_as_a_fee() -> None:
    lines = (LineItemPatch(name="Mug", product=MUG, quantity="1", unit_price="10.00"),)
    post = (ShippingLinePatch(title="Post", price="5.00"),)
    patch = OrderPatch(
        currency="EUR", line_items=lines, shipping_lines=post, discounts=(DiscountPatch(type="fixed", amount="12.00"),)
    )
    with EmulatedShop() as shop:
        draft = ORDER.to_vendor(patch, None, shop.account)
    fees = draft.body.fee_lines
    assert isinstance(fees, tuple)
    assert [fee.total for fee in fees] == ["-2.00"]
    folded = [(one.path, one.place) for one in draft.loss if one.kind == "folded"]
    assert folded == [("/discounts/0", "/line_items"), ("/discounts/0", "/fees/0")]
