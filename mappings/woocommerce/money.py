"""Sums: text with the decimals of the shop's settings, not of the currency.

A shop in yen may send "1000.00", one in dinars "10.50". A sum with too many digits is rounded, with a loss note.
"""

from decimal import Decimal
from functools import lru_cache

from canonical import values
from canonical.parts import Loss


@lru_cache(maxsize=8192)
def money(amount: str, currency: str) -> str:
    """Return a sum with the digits of its currency; "" is zero. Raises ValueError if it is not a number."""
    return values.money(amount or "0", currency)


@lru_cache(maxsize=8192)
def unit_price(subtotal: str, quantity: str, currency: str) -> str:
    """Return the price of one piece, with up to 9 decimals. Raises ValueError if it is not a number."""
    if quantity == "1":
        return values.unit_price(subtotal or "0", currency)
    count = Decimal(quantity)
    if not count:
        return money("0", currency)
    return values.unit_price(format(exact(subtotal) / count, "f"), currency)


@lru_cache(maxsize=8192)
def minus(amount: str, less: str, currency: str) -> str:
    """Return the difference of two sums. Raises ValueError if one is not a number."""
    return values.money(format(exact(amount) - exact(less), "f"), currency)


@lru_cache(maxsize=8192)
def exact(amount: str) -> Decimal:
    """Return the exact number; "" is 0. Raises ValueError if it is not a number."""
    return values.parse_decimal(amount or "0")


@lru_cache(maxsize=1024)
def quantity(amount: int | float) -> str:
    """Return a quantity as a decimal string. Some plugins sell by weight."""
    return values.quantity(amount if isinstance(amount, int) else format(Decimal(repr(amount)), "f"))


def check_digits(amount: str, rounded: str, path: str, loss: list[Loss]) -> None:
    """Note a loss if a sum has more digits than its currency."""
    if len(rounded) < len(amount) and Decimal(rounded) != exact(amount):
        loss.append(
            Loss(
                path=path,
                kind="coerced",
                detail=f"the shop's amount is {amount}, which has more decimals than the currency",
            )
        )


def decimals(amount: str) -> int:
    """Return how many decimals a sum needs."""
    return len(amount.partition(".")[2].rstrip("0"))
