"""Normalisers: one value in, the canonical spelling out, and whether anything had to be changed.

Well-kept libraries judge (email-validator, phonenumbers, Babel); bounded caches keep repeated values cheap.
A value that cannot be understood comes back as None or as it was, never as a guess.
"""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache, wraps
from html.entities import html5
from typing import Any, Final, TypeVar, cast
from zoneinfo import available_timezones

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from canonical import codes, markup

F = TypeVar("F", bound=Callable[..., Any])

CACHE_SIZE: Final = 16_384
# What `Money` and `Quantity` in `parts` let through.
MAX_WHOLE_DIGITS: Final = 15
MAX_DECIMALS: Final = 9

_DECIMAL: Final = re.compile(
    r"\s{0,8}[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?\s{0,8}"
)
_EXACT: Final = {
    0: re.compile(r"-?[1-9][0-9]{0,14}|0"),
    **{
        digits: re.compile(rf"-?[1-9][0-9]{{0,14}}\.[0-9]{{{digits}}}|-?0\.(?!0+$)[0-9]{{{digits}}}|0\.0{{{digits}}}")
        for digits in (2, 3, 4)
    },
}
"""Amounts that are canonical already, by the currency's digits: no leading zero, no negative zero."""
_LANGUAGE_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
"""RFC 5646, section 2.1, without extended languages and what was grandfathered; in lower case."""
_HTML_CLASS: Final = re.compile(r' class="[^"<>]*"')
_REFERENCE: Final = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""A character of HTML as a reference to it. Without the semicolon, which HTML also takes, `R&D` would be in danger."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - to reckon with times that have no zone either
# Digits enough for every step below to be exact until the last one rounds.
_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)


def _remembered(*, longest: int, otherwise: Any = None, size: int = CACHE_SIZE) -> Callable[[F], F]:
    """A cache for a function of a text. A text of more characters than `longest` is `otherwise`: it is neither folded
    nor kept."""

    def wrap(function: F) -> F:
        cached = lru_cache(maxsize=size)(function)

        @wraps(function)
        def remembered(text: str | None, *others: str | None) -> Any:
            return cached(text, *others) if text is None or len(text) <= longest else otherwise

        return cast(F, remembered)

    return wrap


def email(text: str) -> str:
    """An address read from a vendor, trimmed and lower-cased. Vendors compare addresses without case, and so do we."""
    return text.strip().lower()


@_remembered(longest=320, otherwise=False)
def is_email(text: str) -> bool:
    """Whether an address that a caller sends is well-formed (RFC 5321/6531 syntax; no DNS look-up)."""
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


@_remembered(longest=250)
def phone(text: str, country: str | None = None) -> str | None:
    """E.164 for a number that could exist; None where the text has no country or no number in it."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@_remembered(longest=100)
def country(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 for a code of two or three letters or a short or long English name; None for anything else."""
    if not text:
        return None
    code = text.strip().upper()
    if code in codes.country_codes():
        return code
    return codes.country_named(text)


@_remembered(longest=100, size=1024)
def language(text: str | None) -> str | None:
    """A BCP 47 tag in its usual spelling (`pt-BR`) for a tag in any case or with underscores; None if it is not one.

    Subtags stay as they were sent, but for languages that were renamed (`iw` is `he`). What follows a dot or an `@`,
    as in `de_DE.UTF-8`, is no part of a tag.
    """
    if not text:
        return None
    match = _LANGUAGE_TAG.fullmatch(re.split("[.@]", text.strip(), maxsplit=1)[0].replace("_", "-").lower())
    if match is None:
        return None
    language, script, region = codes.languages().get(match["language"]), match["script"], match["region"]
    if language is None:
        return None
    if script is not None and script.title() not in codes.scripts():
        return None
    if region is not None and region.upper() not in codes.language_regions():
        return None
    tag = [language, *([script.title()] if script else []), *([region.upper()] if region else [])]
    return "-".join(tag) + match["rest"]


@_remembered(longest=100, size=1024)
def language_key(text: str | None) -> str | None:
    """A tag to compare by: with the script that its language and region imply, so that `zh-CN` is `zh-Hans-CN`."""
    tag = language(text)
    if tag is None:
        return None
    name, *rest = tag.split("-")
    if rest and len(rest[0]) == 4 and rest[0].isalpha():
        return tag
    script = codes.likely_script(name, rest[0] if rest else None)
    return tag if script is None else "-".join([name, script, *rest])


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}


def timezone(text: str | None) -> str | None:
    """An IANA zone name, or None if it is not one."""
    return text if text in _zones() else None


def is_currency(code: str) -> bool:
    """Whether this is an ISO 4217 alphabetic code, today's or a historic one, of something that people pay with."""
    return code in codes.minor_units()


def currency_digits(code: str) -> int:
    """ISO 4217's number of decimals: 0 for JPY, 3 for KWD, 2 where the code is not known."""
    return codes.minor_units().get(code, 2)


class Unreadable(ValueError):
    """Text that says nothing of what it should. `text` is a vendor's, and may be anything: never show it."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(why)
        self.text = text


def money(amount: str, currency: str) -> str:
    """A decimal string with exactly the currency's digits: `"10"` EUR is `"10.00"`.

    More digits than the currency has are rounded half to even; those of a code that ISO does not know are kept, because
    nobody can say which of them are money. Raises ValueError for anything but a decimal of at most 15 digits before
    the point.
    """
    digits = codes.minor_units().get(currency)
    if digits is None:
        return _at_least(parse_decimal(amount), 2)
    if _EXACT[digits].fullmatch(amount):
        return amount  # the usual case, and what makes a 20-line order cheap
    return _rounded(parse_decimal(amount), digits)


def unit_price(amount: str, currency: str) -> str:
    """Like `money`, but keeps more digits than the currency has, up to 9: unit prices may be finer than what can be
    paid.

    Raises ValueError like `money`.
    """
    digits = currency_digits(currency)
    if _EXACT[digits].fullmatch(amount):
        return amount
    return _at_least(parse_decimal(amount), digits)


def quantity(amount: str | int) -> str:
    """A decimal string without trailing zeros, with at most 9 decimals. Raises ValueError like `money`."""
    if isinstance(amount, int):
        return str(amount)
    return _at_least(parse_decimal(amount), 0)


def parse_decimal(text: str) -> Decimal:
    """A finite decimal number. A plus sign and an exponent of up to two digits may be there, and blanks around it: some
    vendors print numbers so.

    Raises Unreadable where the text is no such number.
    """
    if not _DECIMAL.fullmatch(text):
        raise Unreadable("not a decimal number", text)
    return Decimal(text)


def decimal_string(value: Decimal) -> str:
    """Plain notation, no exponent, no negative zero."""
    return format(value if value else abs(value), "f")


def _rounded(value: Decimal, digits: int) -> str:
    """Exactly so many decimals. Raises ValueError for more digits before the point than `Money` has."""
    rounded = _WIDE.quantize(value, Decimal(1).scaleb(-digits))
    if rounded.adjusted() >= MAX_WHOLE_DIGITS:
        raise ValueError(f"more than {MAX_WHOLE_DIGITS} digits before the point")
    return decimal_string(rounded)


def _at_least(value: Decimal, digits: int) -> str:
    """As many decimals as the value needs, at least `digits`, at most 9."""
    fitting = value if _decimals(value) <= MAX_DECIMALS else _WIDE.quantize(value, Decimal(1).scaleb(-MAX_DECIMALS))
    return _rounded(fitting, max(digits, _decimals(fitting.normalize(_WIDE))))


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def utc(moment: datetime) -> datetime:
    """The same instant in UTC. A naive time is taken as UTC: only vendors that document it as such send one."""
    if moment.tzinfo is None:
        return _EPOCH + (moment - _NAIVE_EPOCH)  # a fifth of the time that `replace` takes
    return moment.astimezone(UTC)


def safe_html(text: str) -> str:
    """HTML without scripts, handlers, styles or frames, but with `dir`; safe to show in a console. See `markup`."""
    return markup.safe_html(text)


def is_html_lost(text: str, safe: str) -> bool:
    """Whether `safe_html` took more out of a text than class names, which mean something to the vendor's pages only."""
    return safe != text and _HTML_CLASS.sub("", text) != safe


def unescaped(text: str) -> str:
    """Plain text for one in which a vendor keeps characters as HTML refers to them: `Lee &amp; Co` is `Lee & Co`."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(reference: re.Match[str]) -> str:
    name = reference[1]
    return html.unescape(reference[0]) if name.startswith("#") else html5.get(f"{name};", reference[0])
