"""Sums. Medusa sends numbers that it does not round, and the same as text; they are rounded here to the currency."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from canonical import values
from mappings.medusa.wire_2_21 import Exact

TOLERANCE: Final = 1e-6
"""How much equal sums may differ as floating-point numbers."""


def number(raw: Exact | None, *plain: float | None) -> str:
    """Return a number as text: `raw` with all of its digits, else the first of `plain` that was sent. Raises ValueError
    if none was."""
    if raw is not None:
        return raw.value
    for one in plain:
        if one is not None:
            return repr(one)
    raise ValueError("neither the number nor its text was sent")


@lru_cache(maxsize=8192)
def money(amount: float | str, currency: str) -> str:
    """Return a sum with the digits of its currency. Raises ValueError for text that is not a number."""
    return values.money(amount if isinstance(amount, str) else repr(amount), currency)


@lru_cache(maxsize=8192)
def fits(amount: float, currency: str) -> bool:
    """Return whether the currency has enough digits for a sum."""
    return round(amount, values.currency_digits(currency)) == amount


@lru_cache(maxsize=8192)
def exact(amount: float | str) -> Decimal:
    """Return the exact number. Raises ValueError for text that is not a number."""
    return values.parse_decimal(amount if isinstance(amount, str) else repr(amount))


@lru_cache(maxsize=8192)
def minus(amount: str, less: str, currency: str) -> str:
    """Return the difference of two sums. Raises ValueError for text that is not a number."""
    return money(text(exact(amount) - exact(less)), currency)


def text(amount: Decimal) -> str:
    """Return a number in plain notation."""
    return format(amount, "f")
