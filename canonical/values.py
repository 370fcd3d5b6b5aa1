"""Normalisers: one value in, the canonical spelling out, and whether anything had to be changed.

Well-kept libraries judge (email-validator, phonenumbers, Babel); bounded caches keep repeated values cheap.
A value that cannot be understood comes back as None or as it was, never as a guess.
"""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

import nh3
import phonenumbers
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from email_validator import EmailNotValidError, validate_email

CACHE_SIZE: Final = 16_384
MAX_MONEY_DIGITS: Final = 15


def email(text: str) -> str:
    """An address read from a vendor, trimmed and lower-cased. Vendors compare addresses without case, and so do we."""
    return text.strip().lower()


@lru_cache(maxsize=CACHE_SIZE)
def is_email(text: str) -> bool:
    """Whether an address that a caller sends is well-formed (RFC 5321/6531 syntax; no DNS look-up)."""
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


@lru_cache(maxsize=CACHE_SIZE)
def phone(text: str, country: str | None = None) -> str | None:
    """E.164 for a number that could exist; None where the text has no country or no number in it."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1)
def _countries() -> tuple[frozenset[str], dict[str, str]]:
    english = Locale("en").territories
    codes = frozenset(code for code in english if len(code) == 2 and code.isalpha() and code not in {"ZZ", "EU", "UN"})
    names = {name.casefold(): code for code, name in english.items() if code in codes}
    aliases = {alpha3.casefold(): code for alpha3, code in _alpha3().items() if code in codes}
    common = {
        "usa": "US",
        "u.s.a.": "US",
        "united states of america": "US",
        "uk": "GB",
        "great britain": "GB",
        "england": "GB",
        "czech republic": "CZ",
        "holland": "NL",
        "the netherlands": "NL",
        "türkiye": "TR",
        "south korea": "KR",
        "russia": "RU",
        "deutschland": "DE",
        "österreich": "AT",
        "schweiz": "CH",
        "españa": "ES",
        "italia": "IT",
    }
    return codes, aliases | names | common


def _alpha3() -> dict[str, str]:
    aliases = get_global("territory_aliases")
    return {alias: targets[0] for alias, targets in aliases.items() if len(alias) == 3 and alias.isalpha()}


@lru_cache(maxsize=CACHE_SIZE)
def country(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 for a code or an English name; None for anything else."""
    if not text:
        return None
    codes, names = _countries()
    wanted = text.strip()
    if wanted.upper() in codes:
        return wanted.upper()
    return names.get(wanted.casefold())


@lru_cache(maxsize=1024)
def language(text: str | None) -> str | None:
    """A BCP 47 tag in its usual spelling (`pt-BR`) for a tag in any case or with underscores; None if it is not one."""
    if not text:
        return None
    try:
        parsed = Locale.parse(text.strip().replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return None
    return str(parsed).replace("_", "-")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def timezone(text: str | None) -> str | None:
    """An IANA zone name, or None if it is not one."""
    return text if text in _zones() else None


@lru_cache(maxsize=1)
def _digits() -> dict[str, int]:
    fractions = get_global("currency_fractions")
    # CLDR speaks of cash and of accounting; ISO 4217's own minor unit differs for these.
    iso = {"ISK": 0, "HUF": 2, "UGX": 0, "IQD": 3, "CLF": 4, "UYW": 4, "LAK": 2, "LBP": 2, "MMK": 2, "YER": 2}
    iso |= {"AFN": 2, "ALL": 2, "COP": 2, "CRC": 2, "IDR": 2, "IRR": 2, "KPW": 2, "MGA": 2, "MRU": 2, "PKR": 2}
    iso |= {"RSD": 2, "SLE": 2, "SOS": 2, "SYP": 2, "TZS": 2, "UZS": 2, "AMD": 2, "GYD": 2, "MNT": 2, "MUR": 2}
    iso |= {"CZK": 2, "DKK": 2, "NOK": 2, "SEK": 2, "TWD": 2, "CAD": 2, "CHF": 2, "ZMW": 2, "STN": 2, "BIF": 0}
    known = {code: fractions.get(code, fractions["DEFAULT"])[0] for code in get_global("all_currencies")}
    return known | {code: digits for code, digits in iso.items() if code in known}


def is_currency(code: str) -> bool:
    """Whether this is an ISO 4217 alphabetic code, today's or a historic one."""
    return code in _digits()


def currency_digits(code: str) -> int:
    """ISO 4217's number of decimals: 0 for JPY, 3 for KWD, 2 where the code is not known."""
    return _digits().get(code, 2)


def money(amount: str, currency: str) -> str:
    """A decimal string with exactly the currency's digits: `"10"` EUR is `"10.00"`.

    More digits than the currency has are rounded half to even. Raises ValueError for anything but a plain decimal.
    """
    digits = currency_digits(currency)
    whole, _, fraction = amount.partition(".")
    if (
        len(fraction) == digits
        and (fraction.isdigit() or not digits)
        and whole.lstrip("-").isdigit()
        and amount.isascii()
    ):
        return amount  # the usual case, and what makes a 20-line order cheap
    return decimal_string(parse_decimal(amount).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN))


def unit_price(amount: str, currency: str) -> str:
    """Like `money`, but keeps more digits than the currency has: unit prices may be finer than what can be paid.

    Raises ValueError for anything but a plain decimal.
    """
    digits = currency_digits(currency)
    parsed = parse_decimal(amount)
    exponent = parsed.as_tuple().exponent
    if isinstance(exponent, int) and -exponent >= digits:
        normal = parsed.normalize()
        kept = normal.as_tuple().exponent
        wanted = -kept if isinstance(kept, int) else digits
        return decimal_string(parsed.quantize(Decimal(1).scaleb(-max(digits, wanted))))
    return decimal_string(parsed.quantize(Decimal(1).scaleb(-digits)))


def quantity(amount: str | int) -> str:
    """A decimal string without trailing zeros. Raises ValueError for anything but a plain decimal."""
    if isinstance(amount, int):
        return str(amount)
    return decimal_string(parse_decimal(amount).normalize())


def parse_decimal(text: str) -> Decimal:
    """A finite decimal. Raises ValueError where the text is none."""
    try:
        parsed = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"not a decimal number: {text[:40]!r}") from error
    if not parsed.is_finite():
        raise ValueError("not a finite number")
    return parsed


def decimal_string(value: Decimal) -> str:
    """Plain notation, no exponent, no negative zero."""
    return format(value if value else abs(value), "f")


def utc(moment: datetime) -> datetime:
    """The same instant in UTC. A naive time is taken as UTC: only vendors that document it as such send one."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def safe_html(text: str) -> str:
    """HTML without scripts, handlers, styles or frames (nh3's defaults); safe to show in a console."""
    return nh3.clean(text)
