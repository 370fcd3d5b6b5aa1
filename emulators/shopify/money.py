"""Amounts of an order, in its currency."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import get_currency_precision

JsonRecord = dict[str, Any]

NOTHING = Decimal(0)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round an amount to the digits of its currency, half up."""
    return amount.quantize(_unit(currency), ROUND_HALF_UP)


def shared_out(amount: Decimal, weights: list[Decimal], currency: str) -> list[Decimal]:
    """Return `amount` in parts proportional to `weights`, to the unit. The first parts get the odd units: 10.00 over
    three equal lines is 3.34, 3.33, 3.33, as in Shopify's own examples of an order-level discount."""
    whole = sum(weights, NOTHING)
    if not whole:
        return [NOTHING for _ in weights]

    unit = _unit(currency)
    parts = [(amount * weight / whole).quantize(unit, ROUND_DOWN) for weight in weights]
    left = amount - sum(parts, NOTHING)
    for place, weight in enumerate(weights):
        if left < unit:
            break
        if weight:
            parts[place] += unit
            left -= unit
    return parts


def decimal_text(amount: Decimal) -> str:
    """Return an amount as `MoneyV2.amount`: no trailing zeros, but at least one digit after the point (`10.0`)."""
    text = format(amount.normalize(), "f")
    return text if "." in text else f"{text}.0"


def written(amount: Decimal, currency: str) -> JsonRecord:
    """Return a `MoneyBag`, rounded."""
    return {"shopMoney": {"amount": decimal_text(rounded(amount, currency)), "currencyCode": currency}}


def read(bag: JsonRecord | None) -> Decimal:
    """Read a `MoneyBag` or `MoneyBagInput`."""
    return NOTHING if bag is None else Decimal(str(bag["shopMoney"]["amount"]))


def summed(bags: "list[JsonRecord]") -> Decimal:
    """Return the sum of many."""
    return sum((read(bag) for bag in bags), NOTHING)


def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-get_currency_precision(currency))
