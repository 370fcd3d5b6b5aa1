"""Sums: numbers that Medusa does not round, and the same as text. What the currency cannot hold is rounded here."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from canonical import values

TOLERANCE: Final = 1e-6
"""By how much sums may differ that are equal but for the way in which a computer holds decimals."""


@lru_cache(maxsize=8192)
def money(amount: float | str, currency: str) -> str:
    """A sum with the digits of its currency, of a number or its text. Raises ValueError for what is no number."""
    return values.money(amount if isinstance(amount, str) else repr(amount), currency)


@lru_cache(maxsize=8192)
def fits(amount: float, currency: str) -> bool:
    """Whether the currency can hold a sum to the last digit."""
    return round(amount, values.currency_digits(currency)) == amount


@lru_cache(maxsize=8192)
def exact(amount: float | str) -> Decimal:
    """The number itself. Raises ValueError for what is no number."""
    return values.parse_decimal(amount if isinstance(amount, str) else repr(amount))


@lru_cache(maxsize=8192)
def unit_price(amount: str, currency: str) -> str:
    """The price of one, which may be finer than what can be paid. Raises ValueError for what is no number."""
    return values.unit_price(amount, currency)


@lru_cache(maxsize=1024)
def quantity(amount: str) -> str:
    """How many. Raises ValueError for what is no number."""
    return values.quantity(amount)


@lru_cache(maxsize=8192)
def minus(amount: str, less: str, currency: str) -> str:
    """A difference of two sums. Raises ValueError for what is no number."""
    return money(text(exact(amount) - exact(less)), currency)


def text(amount: Decimal) -> str:
    """A number in plain notation."""
    return format(amount, "f")
