"""Amounts: parts that add up, and the way Shopify writes decimals."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from emulators.shopify.money import decimal_text, shared_out

CENTS = st.integers(min_value=0, max_value=10**9).map(lambda cents: Decimal(cents) / 100)


@given(CENTS, st.lists(CENTS, min_size=1, max_size=12))
def test_no_cent_of_a_discount_is_lost(off: Decimal, prices: list[Decimal]) -> None:
    whole = sum(prices, Decimal(0))
    off = min(off, whole)
    parts = shared_out(off, prices, "USD")
    assert sum(parts, Decimal(0)) == off
    assert all(Decimal(0) <= part <= price + Decimal("0.01") for part, price in zip(parts, prices, strict=True))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_amounts_are_written_with_a_point_and_without_needless_zeros(value: Decimal) -> None:
    text = decimal_text(value)
    assert Decimal(text) == value
    whole, _, digits = text.partition(".")
    assert digits
    assert digits == "0" or not digits.endswith("0")
    assert "E" not in text
    assert whole.lstrip("-").isdecimal()
