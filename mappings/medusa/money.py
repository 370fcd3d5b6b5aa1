"""Sums. Medusa sends numbers that it does not round, and the same as text; they are rounded here to the currency."""

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from canonical import values
from mappings.medusa.wire_2_21 import Exact

TOLERANCE: Final = Decimal("1e-6")
"""How much equal sums may differ: Medusa computes them as floating-point numbers."""


class NotSent(ValueError):
    """A number that was sent neither as text nor as a number. `record` is the part that lacks it."""

    def __init__(self, record: Struct) -> None:
        super().__init__("neither the number nor its text was sent")
        self.record = record


def number(record: Struct, raw: Exact | None, *plain: Decimal | int | None) -> str:
    """Return a number as text: `raw` with all of its digits, else the first of `plain` that was sent. Raises NotSent
    with the part of the order (`record`) that has none."""
    if raw is not None:
        return raw.value
    for one in plain:
        if one is not None:
            return format(one, "f")
    raise NotSent(record)


def place_of(part: Struct, whole: Any, path: str = "$") -> str | None:
    """Return the JSONPath of a part within a record, None if it is not in there."""
    if whole is part:
        return path
    if isinstance(whole, tuple):
        inner = [(f"{path}[{place}]", one) for place, one in enumerate(whole)]
    elif isinstance(whole, Struct):
        inner = [(f"{path}.{name}", getattr(whole, name)) for name in whole.__struct_fields__]
    else:
        return None
    return next((inner_path for at, one in inner if (inner_path := place_of(part, one, at)) is not None), None)


@lru_cache(maxsize=8192)
def money(amount: Decimal | str, currency: str) -> str:
    """Return a sum with the digits of its currency. Raises ValueError for text that is not a number."""
    return values.money(amount if isinstance(amount, str) else text(amount), currency)


@lru_cache(maxsize=8192)
def fits(amount: Decimal, currency: str) -> bool:
    """Return whether the currency has enough digits for a sum."""
    return round(amount, values.currency_digits(currency)) == amount


@lru_cache(maxsize=8192)
def exact(amount: str) -> Decimal:
    """Return the exact number. Raises ValueError for text that is not a number."""
    return values.parse_decimal(amount)


@lru_cache(maxsize=8192)
def minus(amount: str, less: str, currency: str) -> str:
    """Return the difference of two sums. Raises ValueError for text that is not a number."""
    return money(text(exact(amount) - exact(less)), currency)


def text(amount: Decimal) -> str:
    """Return a number in plain notation."""
    return format(amount, "f")
