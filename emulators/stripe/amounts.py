"""Amounts in minor units, by Stripe's rules for currencies."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from emulators.stripe.errors import invalid

# docs.stripe.com/currencies: charged in whole units; in hundredths that are always 00; in thousandths by tens.
WHOLE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
HUNDREDS = {"isk", "ugx"}
TENS = {"bhd", "jod", "kwd", "omr", "tnd"}
OTHERS = (
    {"aed", "ars", "aud", "bgn", "brl", "cad", "chf", "cny", "cop", "czk", "dkk", "egp", "eur", "gbp", "hkd", "huf"}
    | {"idr", "ils", "inr", "kes", "mxn", "myr", "ngn", "nok", "nzd", "pen", "php", "pln", "ron", "sar", "sek", "sgd"}
    | {"thb", "try", "twd", "uah", "usd", "zar"}
)
KNOWN = WHOLE | HUNDREDS | TENS | OTHERS


def currency(name: str, value: Any) -> str:
    """Accept a currency of Stripe, in lower case."""
    code = str(value).lower()
    if code not in KNOWN:
        raise invalid(name, f"Invalid currency: {value}.")
    return code


def payable(name: str, amount: int, code: str) -> int:
    """Return an amount that can be charged in this currency. Raises Refusal for an unsupported fraction."""
    if amount % step(code):
        raise invalid(name, f"Invalid amount: amounts in {code} must be evenly divisible by {step(code)}.")
    return amount


def step(code: str) -> int:
    """Return the least amount that can be charged."""
    return 100 if code in HUNDREDS else 10 if code in TENS else 1


def times(unit_amount: str, quantity: int) -> int:
    """Return the price of a quantity, rounded to the minor unit."""
    return int((Decimal(unit_amount) * quantity).to_integral_value(ROUND_HALF_UP))


def plain(unit_amount: str) -> int | None:
    """Return `unit_amount`, null for a price with a fraction of the minor unit."""
    exact = Decimal(unit_amount)
    return int(exact) if exact == exact.to_integral_value() else None
