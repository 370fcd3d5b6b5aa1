"""Amounts in two currencies: the shop's and the buyer's."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import msgspec
from babel.numbers import get_currency_precision

JsonRecord = dict[str, Any]


class Currencies(msgspec.Struct, frozen=True, kw_only=True):
    """The shop's currency of one order, and the buyer's."""

    shop: str
    presentment: str


class Bag(NamedTuple):
    """One amount in the shop's currency and in the buyer's."""

    shop: Decimal
    presentment: Decimal

    def plus(self, other: "Bag") -> "Bag":
        """Return the sum in both currencies."""
        return Bag(self.shop + other.shop, self.presentment + other.presentment)

    def minus(self, other: "Bag") -> "Bag":
        """Return the difference in both currencies."""
        return Bag(self.shop - other.shop, self.presentment - other.presentment)

    def times(self, factor: int | Decimal) -> "Bag":
        """Return the product in both currencies, not rounded."""
        return Bag(self.shop * factor, self.presentment * factor)

    def at_most(self, other: "Bag") -> "Bag":
        """Return the smaller amount in each currency."""
        return Bag(min(self.shop, other.shop), min(self.presentment, other.presentment))

    def rounded(self, currencies: Currencies) -> "Bag":
        """Round both amounts to the digits of their currency, half up."""
        return Bag(_to_unit(self.shop, currencies.shop), _to_unit(self.presentment, currencies.presentment))


NOTHING = Bag(Decimal(0), Decimal(0))


def total(bags: "list[Bag]") -> Bag:
    """Return the sum of many."""
    summed = NOTHING
    for bag in bags:
        summed = summed.plus(bag)
    return summed


def shared_out(amount: Bag, weights: list[Bag], currencies: Currencies) -> list[Bag]:
    """Return `amount` in parts proportional to `weights`, to the unit. The first parts get the odd units: 10.00 over
    three equal lines is 3.34, 3.33, 3.33, as in Shopify's own examples of an order-level discount."""
    shop = _parts(amount.shop, [weight.shop for weight in weights], currencies.shop)
    presentment = _parts(amount.presentment, [weight.presentment for weight in weights], currencies.presentment)
    return [Bag(*pair) for pair in zip(shop, presentment, strict=True)]


def decimal_text(amount: Decimal) -> str:
    """Return an amount as `MoneyV2.amount`: no trailing zeros, but at least one digit after the point (`10.0`)."""
    text = format(amount.normalize(), "f")
    return text if "." in text else f"{text}.0"


def written(bag: Bag, currencies: Currencies) -> JsonRecord:
    """Return a `MoneyBag`."""
    return {
        "shopMoney": {"amount": decimal_text(bag.shop), "currencyCode": currencies.shop},
        "presentmentMoney": {"amount": decimal_text(bag.presentment), "currencyCode": currencies.presentment},
    }


def read(bag: JsonRecord | None) -> Bag:
    """Read a `MoneyBag` or `MoneyBagInput`. Without the buyer's amount, it is the shop's."""
    if bag is None:
        return NOTHING
    shop = Decimal(str(bag["shopMoney"]["amount"]))
    presentment = bag.get("presentmentMoney")
    return Bag(shop, Decimal(str(presentment["amount"])) if presentment else shop)


def _to_unit(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(_unit(currency), ROUND_HALF_UP)


def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-get_currency_precision(currency))


def _parts(amount: Decimal, weights: list[Decimal], currency: str) -> list[Decimal]:
    whole = sum(weights, Decimal(0))
    if not whole:
        return [Decimal(0) for _ in weights]

    unit = _unit(currency)
    parts = [(amount * weight / whole).quantize(unit, ROUND_DOWN) for weight in weights]
    left = amount - sum(parts, Decimal(0))
    for place, weight in enumerate(weights):
        if left < unit:
            break
        if weight:
            parts[place] += unit
            left -= unit
    return parts
