"""No cent is lost or invented on the way, in any currency of ISO 4217."""

from decimal import Decimal

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import values
from canonical.order_patch import LineItemPatch, OrderPatch, ShippingLinePatch
from mappings.spec import VendorDrift
from mappings.stripe.money import InexactAmount, decimals, minor_decimal, minor_units, money, unit_price
from mappings.stripe.order_r1 import ORDER
from tests.mappings.drafts import refused

from .conftest import ACCOUNT, EmulatedStripe, on_the_wire

EXPONENTS = {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None}
"""ISO 4217's own number of decimals of every currency that has one."""
CODES = sorted(code for code in EXPONENTS if values.is_currency(code))
STATED = [
    # currency, as Stripe sends it, as it reads
    ("EUR", 1099, "10.99"),
    ("JPY", 1099, "1099"),
    ("KWD", 5120, "5.120"),
    ("HUF", 109900, "1099.00"),
    ("TWD", 109900, "1099.00"),
    ("ISK", 109900, "1099"),
    ("UGX", 500, "5"),
    ("MGA", 5, "5.00"),
    ("BIF", 7, "7"),
    ("TND", 10, "0.010"),
    ("EUR", -1, "-0.01"),
    ("EUR", 0, "0.00"),
    ("JPY", 0, "0"),
    ("USD", 99999999, "999999.99"),
]


@pytest.mark.parametrize(("currency", "minor", "amount"), STATED)
def test_amounts_read_and_write_as_stripe_states(currency: str, minor: int, amount: str) -> None:
    assert money(minor, currency) == amount
    assert minor_units(amount, currency) == minor


@given(st.sampled_from(CODES), st.integers(-(10**11), 10**11))
def test_an_amount_in_any_currency_survives_a_round_trip(currency: str, units: int) -> None:
    """`units` are of the coarser of ISO's and Stripe's smallest unit: what both can hold."""
    coarser = min(EXPONENTS[currency], decimals(currency))
    minor = units * 10 ** (decimals(currency) - coarser)
    amount = money(minor, currency)

    assert len(amount.partition(".")[2]) == EXPONENTS[currency]
    assert Decimal(amount) == Decimal(units).scaleb(-coarser)
    if decimals(currency) == 3 and minor % 10:
        with pytest.raises(InexactAmount):
            minor_units(amount, currency)
    else:
        assert minor_units(amount, currency) == minor


@given(st.sampled_from(CODES), st.integers(0, 10**9), st.integers(1, 6))
def test_an_amount_that_is_too_fine_is_refused_and_never_rounded(currency: str, units: int, finer: int) -> None:
    digits = EXPONENTS[currency] + finer
    exact = Decimal(units * 10 + 1).scaleb(-digits)
    with pytest.raises(InexactAmount):
        minor_units(format(exact, "f"), currency)


@given(st.sampled_from(CODES), st.decimals(0, 10**6, places=9))
def test_the_price_of_one_may_be_finer_than_what_can_be_paid(currency: str, price: Decimal) -> None:
    text = format(price, "f")
    assert Decimal(unit_price(minor_decimal(text, currency), currency)) == price


@pytest.mark.parametrize("currency", ["ISK", "UGX"])
def test_a_fractional_stripe_amount_is_drift(currency: str) -> None:
    with pytest.raises(VendorDrift):
        money(109950, currency)


@pytest.mark.parametrize("currency", ["JPY", "KWD", "EUR", "HUF", "ISK"])
def test_an_order_goes_to_stripe_and_back_without_a_cent_less_or_more(stripe: EmulatedStripe, currency: str) -> None:
    price, shipping, total = {
        "JPY": ("1099", "500", "3797"),
        "KWD": ("5.120", "0.500", "15.860"),
        "EUR": ("10.99", "5.00", "37.97"),
        "HUF": ("1099.00", "500.00", "3797.00"),
        "ISK": ("1099", "500", "3797"),
    }[currency]
    order = OrderPatch(
        currency=currency,
        line_items=(LineItemPatch(name="Mug", quantity="3", unit_price=price),),
        shipping_lines=(ShippingLinePatch(title="Post", price=shipping),),
    )

    made = stripe.made(ORDER, order, "op_1")

    assert made.loss == ()
    assert made.data.currency == currency
    assert made.data.totals.total == made.data.totals.outstanding == total
    assert (made.data.line_items[0].unit_price, made.data.line_items[0].quantity) == (price, "3")
    assert made.data.totals.shipping == made.data.shipping_lines[0].price == shipping


def test_totals_that_do_not_add_up_are_kept_and_reported(stripe: EmulatedStripe) -> None:
    customer = stripe.place("customers", name="Ann Lee")
    invoice = stripe.place("invoices", customer=customer["id"], total=1500, subtotal=1000, amount_remaining=1400)
    read = stripe.read(ORDER, invoice["id"])
    assert (read.data.totals.total, read.data.totals.items) == ("15.00", "10.00")
    assert {(loss.path, loss.kind) for loss in read.loss} == {
        ("/totals/total", "ambiguous"),
        ("/totals/outstanding", "ambiguous"),
    }


def test_shipping_in_thousandths_is_refused_with_the_step(stripe: EmulatedStripe) -> None:
    order = OrderPatch(
        currency="KWD",
        line_items=(LineItemPatch(name="Mug", quantity="1", unit_price="1.000"),),
        shipping_lines=(ShippingLinePatch(title="Post", price="0.005"),),
    )
    assert refused(ORDER.to_vendor(order, None, ACCOUNT)) == {"/shipping_lines/0/price": "invalid"}


def test_a_price_is_written_in_minor_units_as_fine_as_it_is() -> None:
    order = OrderPatch(currency="EUR", line_items=(LineItemPatch(name="Pin", quantity="100", unit_price="0.0125"),))
    fields = on_the_wire(ORDER.to_vendor(order, None, ACCOUNT).body.body)
    assert fields["line_items[0][price_data][unit_amount_decimal]"] == "1.25"
    assert fields["line_items[0][price_data][currency]"] == "eur"
