"""Sums: text with the shop's decimals, which are a setting and not those of the currency.

A shop in yen may say "1000.00", one in dinars "10.50". What the currency cannot hold is rounded, and told.
"""

from decimal import Decimal
from functools import lru_cache

from canonical import values
from canonical.parts import Loss


@lru_cache(maxsize=8192)
def money(amount: str, currency: str) -> str:
    """A sum with the digits of its currency; "" is nothing. Raises ValueError for what is no number."""
    return values.money(amount or "0", currency)


@lru_cache(maxsize=8192)
def unit_price(subtotal: str, quantity: str, currency: str) -> str:
    """The price of one out of that of all: up to 9 decimals. Raises ValueError for what is no number."""
    if quantity == "1":
        return values.unit_price(subtotal or "0", currency)
    count = Decimal(quantity)
    if not count:
        return money("0", currency)
    return values.unit_price(format(exact(subtotal) / count, "f"), currency)


@lru_cache(maxsize=8192)
def minus(amount: str, less: str, currency: str) -> str:
    """A difference of two sums. Raises ValueError for what is no number."""
    return values.money(format(exact(amount) - exact(less), "f"), currency)


@lru_cache(maxsize=8192)
def exact(amount: str) -> Decimal:
    """The number itself; "" is 0. Raises ValueError for what is no number."""
    return values.parse_decimal(amount or "0")


@lru_cache(maxsize=1024)
def quantity(amount: int | float) -> str:
    """How many; some plugins sell by weight."""
    return values.quantity(amount if isinstance(amount, int) else format(Decimal(repr(amount)), "f"))


def check_digits(amount: str, shown: str, path: str, loss: list[Loss]) -> None:
    """Tell where a sum had more digits than its currency has."""
    if len(shown) < len(amount) and Decimal(shown) != exact(amount):
        loss.append(Loss(path=path, kind="coerced", detail=f"the shop says {amount}, which the currency cannot hold"))


def decimals(amount: str) -> int:
    """How many decimals a sum needs."""
    return len(amount.partition(".")[2].rstrip("0"))
