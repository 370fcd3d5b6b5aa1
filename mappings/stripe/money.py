"""Stripe's whole numbers of minor units to decimal strings and back, without a rounding anywhere.

Which unit that is, is Stripe's own matter and differs from ISO 4217 (https://docs.stripe.com/currencies): the ariary
has none there; the Icelandic króna and the Ugandan shilling are sent with two decimals that are always 00; dinars and
the rial have three, of which the last is 0 in what is charged. The forint and the new Taiwan dollar have two; only
payouts, which are not handled here, want them whole. What Stripe does not name has two.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from canonical import values
from mappings.spec import VendorDrift

NO_DECIMALS: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
THREE_DECIMALS: Final = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
STEP: Final = 10
"""What an amount with three decimals has to be a multiple of when it is charged."""
_POWERS: Final = tuple(10**exponent for exponent in range(5))


class InexactAmount(ValueError):
    """An amount that the currency cannot hold to the last digit; the text says why, for the one who sent it."""


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """How many decimals Stripe's integers of a currency (in capitals) have."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


@lru_cache(maxsize=8192)
def money(minor: int, currency: str) -> str:
    """An amount as a decimal string with the digits that ISO 4217 gives the currency.

    Raises VendorDrift where Stripe has a fraction that the currency has not: it promises never to send one, and
    rounding it would lose money.
    """
    sent, shown = decimals(currency), values.currency_digits(currency)
    if sent > shown:
        minor, rest = divmod(minor, _POWERS[sent - shown])
        if rest:
            raise VendorDrift("$", f"an amount in {currency} with a fraction, which this currency has not")
    elif sent < shown:
        minor *= _POWERS[shown - sent]
    return _placed(minor, shown)


@lru_cache(maxsize=8192)
def unit_price(minor: str, currency: str) -> str:
    """The price of one: `unit_amount_decimal` has up to 12 decimals of a minor unit. Raises ValueError for none."""
    exact = values.parse_decimal(minor).scaleb(-decimals(currency))
    return values.unit_price(format(exact, "f"), currency)


def minor_units(amount: str, currency: str) -> int:
    """What Stripe is sent for a decimal string.

    Raises InexactAmount where it is finer than Stripe takes.
    """
    sent = decimals(currency)
    exact = Decimal(amount).scaleb(sent)
    whole = int(exact)
    if whole != exact or Decimal(amount) % Decimal(1).scaleb(-values.currency_digits(currency)):
        digits = min(sent, values.currency_digits(currency))
        raise InexactAmount(f"an amount in {currency} has at most {digits} decimals at Stripe")
    if sent == 3 and whole % STEP:
        raise InexactAmount(f"Stripe takes amounts in {currency} in steps of 0.010")
    return whole


def minor_decimal(amount: str, currency: str) -> str:
    """A price of one for `unit_amount_decimal`, which may be finer than what can be paid."""
    return values.decimal_string(Decimal(amount).scaleb(decimals(currency)).normalize())


def _placed(number: int, digits: int) -> str:
    """A whole number with its point put in."""
    if digits == 0:
        return str(number)
    whole, rest = divmod(abs(number), _POWERS[digits])
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{digits}d}"
