"""Sums in every currency: none is lost or invented, for every number of decimals that a shop is set to."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical import codes, values
from canonical.order_patch import LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import ProductReferencePatch
from mappings.spec import VendorDrift
from mappings.woocommerce.order_r1 import ORDER
from tests.mappings.drafts import refused

from .conftest import ACCOUNT, EmulatedShop

CURRENCIES = sorted(codes.minor_units())


def minor(amount: int, digits: int) -> str:
    return format(Decimal(amount).scaleb(-digits), "f")


@settings(max_examples=80, deadline=None)
@given(
    currency=st.sampled_from(CURRENCIES) | st.sampled_from(["JPY", "KWD", "EUR", "HUF", "ISK"]),
    prices=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 99)), min_size=1, max_size=5),
    carriage=st.integers(0, 10**7),
)
def test_an_order_in_any_currency_survives_a_round_trip(
    currency: str, prices: list[tuple[int, int]], carriage: int
) -> None:
    digits = values.currency_digits(currency)
    with EmulatedShop() as shop:
        shop.set(woocommerce_currency=currency, woocommerce_price_num_decimals=str(digits))
        lines = tuple(
            LineItemPatch(
                product=ProductReferencePatch(remote_id="11"),
                name="Mug",
                quantity=str(count),
                unit_price=minor(price, digits),
            )
            for price, count in prices
        )
        shipping = (ShippingLinePatch(title="Post", price=minor(carriage, digits)),)
        made = shop.made(ORDER, OrderPatch(currency=currency, line_items=lines, shipping_lines=shipping))
    totals, items = made.data.totals, sum(price * count for price, count in prices)
    assert made.loss == ()
    assert totals.items == minor(items, digits)
    assert totals.total == totals.outstanding == minor(items + carriage, digits)
    assert totals.shipping == minor(carriage, digits)
    for line, (price, _) in zip(made.data.line_items, prices, strict=True):
        assert Decimal(line.unit_price) == Decimal(price).scaleb(-digits)


@pytest.mark.parametrize(
    ("currency", "decimals", "sent", "total"),
    [
        ("JPY", "2", "1000", "1000"),  # a shop in yen that says 1000.00
        ("HUF", "0", "1000.00", "1000.00"),
        ("HUF", "2", "999.50", "999.50"),
        ("KWD", "2", "10.500", "10.500"),  # a shop in dinars that was never set to three
        ("KWD", "3", "10.125", "10.125"),
        ("ISK", "0", "1990", "1990"),
        ("EUR", "4", "19.90", "19.90"),
    ],
)
def test_the_decimals_of_a_shop_need_not_be_those_of_its_currency(
    shop: EmulatedShop, currency: str, decimals: str, sent: str, total: str
) -> None:
    shop.set(woocommerce_currency=currency, woocommerce_price_num_decimals=decimals)
    line = LineItemPatch(product=ProductReferencePatch(remote_id="11"), name="Mug", quantity="1", unit_price=sent)
    made = shop.made(ORDER, OrderPatch(currency=currency, line_items=(line,)))
    assert made.loss == ()
    assert (made.data.totals.total, made.data.line_items[0].unit_price) == (total, total)


@pytest.mark.parametrize(
    ("currency", "decimals", "price", "quantity"),
    [("HUF", "0", "999.50", "1"), ("KWD", "2", "10.125", "1")],
)
def test_what_the_shop_would_round_is_refused(
    shop: EmulatedShop, currency: str, decimals: str, price: str, quantity: str
) -> None:
    shop.set(woocommerce_currency=currency, woocommerce_price_num_decimals=decimals)
    line = LineItemPatch(product=ProductReferencePatch(remote_id="11"), name="Mug", quantity=quantity, unit_price=price)
    draft = ORDER.to_vendor(OrderPatch(currency=currency, line_items=(line,)), None, shop.account)
    assert refused(draft) == {"/line_items/0/unit_price": "invalid"}
    assert "would be rounded" in draft.refused[0].detail


def test_a_price_finer_than_the_currency_stands_where_the_line_is_not(shop: EmulatedShop) -> None:
    line = LineItemPatch(
        product=ProductReferencePatch(remote_id="11"), name="Thread", quantity="200", unit_price="0.0335"
    )
    made = shop.made(ORDER, OrderPatch(currency="EUR", line_items=(line,)))
    assert (made.data.line_items[0].unit_price, made.data.totals.items) == ("0.0335", "6.70")


def reading(**members: object) -> msgspec.Raw:
    order = {"id": 7, "status": "pending", "currency": "JPY", "total": "0", **members}
    return msgspec.Raw(msgspec.json.encode(order))


def test_digits_that_a_currency_lacks_are_reported() -> None:
    mapped = ORDER.read(reading(total="1000.40", total_tax="0.40", shipping_total="1000.00"), ACCOUNT)
    assert (mapped.data.totals.total, mapped.data.totals.shipping) == ("1000", "1000")
    assert {one.path for one in mapped.loss if one.kind == "coerced"} == {"/totals/total", "/totals/tax"}


@given(total=st.text())
def test_a_sum_is_a_number_or_the_record_is_drifted(total: str) -> None:
    try:
        total_read = ORDER.read(reading(total=total), ACCOUNT).data.totals.total
    except VendorDrift:
        return
    assert Decimal(total_read) == Decimal(total_read).to_integral_value()


def ambiguous(**members: object) -> list[str]:
    """Where the figures of an order contradict each other."""
    return [one.path for one in ORDER.read(reading(currency="EUR", **members), ACCOUNT).loss if one.kind == "ambiguous"]


@pytest.mark.parametrize(
    ("status", "back", "wrong"),
    [
        ("completed", "-10.00", []),
        ("completed", "-40.00", ["/totals/refunded"]),
        ("pending", "-10.00", ["/totals/refunded"]),
        ("refunded", "-29.35", []),
        ("refunded", None, ["/totals/refunded"]),
    ],
)
def test_more_given_back_than_received_is_ambiguous(status: str, back: str | None, wrong: list[str]) -> None:
    refunds = [] if back is None else [{"id": 9, "total": back}]

    assert ambiguous(status=status, total="29.35", shipping_total="29.35", refunds=refunds) == wrong


def test_a_cancelled_order_has_nothing_outstanding() -> None:
    mapped = ORDER.read(reading(currency="EUR", status="cancelled", total="5.00", shipping_total="5.00"), ACCOUNT)

    assert (mapped.data.totals.paid, mapped.data.totals.outstanding) == ("0.00", "0.00")
    assert [one.path for one in mapped.loss if one.kind == "ambiguous"] == []


def test_the_taxes_of_lines_shipping_and_fees_are_the_tax() -> None:
    line = {"id": 1, "name": "Mug", "quantity": 1, "subtotal": "30.00", "total": "30.00", "total_tax": "5.70"}
    members = {
        "total": "42.84",
        "total_tax": "6.84",
        "shipping_total": "5.00",
        "line_items": [line],
        "shipping_lines": [{"total": "5.00", "total_tax": "0.95"}],
        "fee_lines": [{"total": "1.00", "total_tax": "0.19"}],
    }
    untold = {name: value for name, value in line.items() if name != "total_tax"}

    assert ambiguous(**members) == []
    assert ambiguous(**members | {"fee_lines": [{"total": "1.00"}]}) == ["/totals/tax"]
    assert ambiguous(**members | {"line_items": [line | {"total_tax": "7.50"}]}) == ["/totals/tax"]
    assert ambiguous(**members | {"line_items": [untold]}) == []
