"""Stripe's whole numbers of minor units to decimal strings and back, without rounding.

Stripe's minor units differ from ISO 4217 (https://docs.stripe.com/currencies). The ariary has none. The Icelandic króna
and the Ugandan shilling have two decimals, always 00. Dinars and the rial have three; the last one is 0 in a charge.
The forint and the new Taiwan dollar have two; only payouts, which are not handled here, are whole. All others have two.
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
"""A charge with three decimals must be a multiple of this."""
_POWERS: Final = tuple(10**exponent for exponent in range(5))


class InexactAmount(ValueError):
    """An amount with too many decimals. The text is for the caller."""


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """Return the decimals of Stripe's integers in a currency (in capitals)."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


@lru_cache(maxsize=8192)
def money(minor: int, currency: str) -> str:
    """Return an amount as a decimal string with the digits of ISO 4217.

    Raises VendorDrift for a fraction that the currency does not have. Stripe promises not to send one, and rounding it
    would lose money.
    """
    minor_digits, digits = decimals(currency), values.currency_digits(currency)
    if minor_digits > digits:
        minor, rest = divmod(minor, _POWERS[minor_digits - digits])
        if rest:
            raise VendorDrift("$", f"an amount in {currency} has a fraction, which the currency does not have")
    elif minor_digits < digits:
        minor *= _POWERS[digits - minor_digits]
    return _placed(minor, digits)


@lru_cache(maxsize=8192)
def unit_price(minor: str, currency: str) -> str:
    """Return a unit price. `unit_amount_decimal` has up to 12 decimals of a minor unit. Raises ValueError."""
    exact = values.parse_decimal(minor).scaleb(-decimals(currency))
    return values.unit_price(format(exact, "f"), currency)


def minor_units(amount: str, currency: str) -> int:
    """Return a decimal string in minor units.

    Raises InexactAmount for more decimals than Stripe accepts.
    """
    sent = decimals(currency)
    exact = Decimal(amount).scaleb(sent)
    whole = int(exact)
    if whole != exact or Decimal(amount) % Decimal(1).scaleb(-values.currency_digits(currency)):
        digits = min(sent, values.currency_digits(currency))
        raise InexactAmount(f"an amount in {currency} has at most {digits} decimals at Stripe")
    if why := charged(whole, currency):
        raise InexactAmount(why)
    return whole


def charged(minor: int, currency: str) -> str | None:
    """Return why Stripe cannot charge an amount of minor units, or None. Its fraction may be finer than the
    currency's."""
    if decimals(currency) == 3 and minor % STEP:
        return f"Stripe takes amounts in {currency} in steps of 0.010"
    if minor % _POWERS[max(0, decimals(currency) - values.currency_digits(currency))]:
        return f"an amount in {currency} has at most {values.currency_digits(currency)} decimals"
    return None


def minor_decimal(amount: str, currency: str) -> str:
    """Return a unit price for `unit_amount_decimal`. It may have more decimals than an amount."""
    return values.decimal_string(Decimal(amount).scaleb(decimals(currency)).normalize())


def _placed(number: int, digits: int) -> str:
    """Return a number of minor units with its decimal point."""
    if digits == 0:
        return str(number)
    whole, rest = divmod(abs(number), _POWERS[digits])
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{digits}d}"
