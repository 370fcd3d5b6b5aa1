"""Normalise values to their canonical form.

Established libraries decide (email-validator, phonenumbers, Babel); bounded caches make repeated values cheap. A value
that cannot be parsed returns None or stays unchanged, and is never guessed. The libraries are imported when they are
first used, because commands import this module and need none of them.
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

import idna

from canonical import codes, markup

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T", datetime, datetime | None)

CACHE_SIZE: Final = 16_384
# The limits of `Money` and `Quantity` in `parts`.
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
"""Amounts that are already canonical, by the currency's decimals: no leading zero, no negative zero."""
_LANGUAGE_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
"""RFC 5646, section 2.1, in lower case, without extended languages and grandfathered tags."""
LONGEST_EMAIL: Final = 254
"""Characters of an address in ASCII (RFC 5321, section 4.5.3.1.3)."""
_HTML_CLASS: Final = re.compile(r' class="[^"<>]*"')
_REFERENCE: Final = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""An HTML character reference. The semicolon is required here, although HTML allows to omit it, to keep `R&D`."""
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
"""ASCII letters in lower case."""
ANY_REGION: Final = "GB"
"""The region in which a number is read if only its extension is asked for."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - for arithmetic with naive times
# Enough digits for every step below to be exact until the last one rounds.
_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)


def _cached(*, longest: int, otherwise: Any = None, size: int = CACHE_SIZE) -> Callable[[F], F]:
    """Cache a function of a text. For a text of more than `longest` characters, return `otherwise` without a call."""

    def wrap(function: F) -> F:
        cached = lru_cache(maxsize=size)(function)

        @wraps(function)
        def limited(text: str | None, *others: str | None) -> Any:
            return cached(text, *others) if text is None or len(text) <= longest else otherwise

        return cast(F, limited)

    return wrap


def fold(text: str) -> str:
    """Write A to Z in lower case. Other letters stay, such as the Kelvin sign, whose lower case is `k`."""
    return text.translate(_LOWER)


def email(text: str) -> str:
    """Trim and lower-case an address (`fold`)."""
    return fold(text.strip())


@_cached(longest=320)
def email_key(text: str) -> str:
    """Return an address for comparison: as `email`, with its domain as it is asked for (IDNA 2008)."""
    local, at, domain = email(text).rpartition("@")
    if domain.isascii():
        return f"{local}{at}{domain}"
    try:
        return f"{local}{at}{idna.encode(domain).decode()}"
    except idna.IDNAError:
        return f"{local}{at}{domain}"


@_cached(longest=320, otherwise=False)
def is_email(text: str) -> bool:
    """Return whether an address from a caller is well-formed (RFC 5321/6531 syntax; no DNS look-up)."""
    if len(text) <= LONGEST_EMAIL and _plain_email().fullmatch(text):
        return True
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


@lru_cache(maxsize=1)
def _plain_email() -> re.Pattern[str]:
    """Return a pattern of most addresses. They are well-formed; the library needs a hundred times as long to find that
    out."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415

    special_use = "|".join(re.escape(name.rpartition(".")[2]) for name in SPECIAL_USE_DOMAIN_NAMES)
    return re.compile(
        r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:(?=[a-z0-9-]{1,63}\.)[a-z0-9]+(?:-[a-z0-9]+)*\.)+"
        rf"(?!(?:{special_use})\Z)[a-z]{{2,63}}"
    )


@_cached(longest=250)
def phone(text: str, country: str | None = None) -> str | None:
    """Return the E.164 form of a possible number. None if the text has no country or no number."""
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@_cached(longest=250, otherwise=None)
def phone_country(e164: str) -> str | None:
    """Return the country of a number (ISO 3166-1 alpha-2), the main one of a code that several share. None without."""
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    code = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if code in (phonenumbers.UNKNOWN_REGION, phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY) else code


@_cached(longest=250, otherwise="")
def phone_extension(text: str) -> str:
    """Return the extension that a number names, as `;ext=5` (RFC 3966), or an empty text."""
    if text.isdecimal():
        return ""
    import phonenumbers  # noqa: PLC0415

    try:
        extension = phonenumbers.parse(text, ANY_REGION).extension
    except phonenumbers.NumberParseException:
        return ""
    return f";ext={extension}" if extension else ""


@_cached(longest=100)
def country(text: str | None) -> str | None:
    """Return the ISO 3166-1 alpha-2 code for an alpha-2 or alpha-3 code or a short or long English name, or None."""
    if not text:
        return None
    code = text.strip().upper()
    if code in codes.country_codes():
        return code
    return codes.country_named(text)


@_cached(longest=100, size=1024)
def language(text: str | None) -> str | None:
    """Return a BCP 47 tag in its usual form (`pt-BR`), from any case or with underscores. None if it is not a tag.

    Subtags are kept, except for renamed languages (`iw` becomes `he`). A suffix after a dot or an `@`, as in
    `de_DE.UTF-8`, is ignored.
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


@_cached(longest=100, size=1024)
def language_key(text: str | None) -> str | None:
    """Return a tag for comparison, with the script that language and region imply: `zh-CN` equals `zh-Hans-CN`."""
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
    """Return the text if it is an IANA zone name, otherwise None."""
    return text if text in _zones() else None


def is_currency(code: str) -> bool:
    """Return whether this is an ISO 4217 alphabetic code, current or historic, that is or was used for payments."""
    return code in codes.minor_units()


def currency_digits(code: str) -> int:
    """Return ISO 4217's number of decimals: 0 for JPY, 3 for KWD, 2 for an unknown code."""
    return codes.minor_units().get(code, 2)


class UnreadableValue(ValueError):
    """Text that does not parse as the expected value. `text` comes from a vendor: never show it."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(why)
        self.text = text


@lru_cache(maxsize=CACHE_SIZE)
def money(amount: str, currency: str) -> str:
    """Return a decimal string with exactly the currency's decimals: `"10"` EUR is `"10.00"`.

    Further decimals are rounded half to even. For a code that is not in ISO 4217 they are kept, because its number of
    decimals is unknown. Raises ValueError unless the amount is a decimal of at most 15 digits before the point. Cached
    by text, because few prices recur often, and hashing a new Decimal takes longer than printing it.
    """
    digits = codes.minor_units().get(currency)
    if digits is None:
        return _at_least(parse_decimal(amount), 2)
    if _EXACT[digits].fullmatch(amount):
        return amount  # the usual case; keeps an order with 20 lines cheap
    return _rounded(parse_decimal(amount), digits)


@lru_cache(maxsize=CACHE_SIZE)
def unit_price(amount: str, currency: str) -> str:
    """Like `money`, but keep up to 9 decimals: unit prices may be finer than the currency. Raises ValueError."""
    digits = currency_digits(currency)
    if _EXACT[digits].fullmatch(amount):
        return amount
    return _at_least(parse_decimal(amount), digits)


@lru_cache(maxsize=CACHE_SIZE)
def quantity(amount: str | int) -> str:
    """Return a decimal string without trailing zeros, with at most 9 decimals. Raises ValueError like `money`."""
    if isinstance(amount, int):
        return str(amount)
    return _at_least(parse_decimal(amount), 0)


@lru_cache(maxsize=CACHE_SIZE)
def parse_decimal(text: str) -> Decimal:
    """Parse a finite decimal number.

    Raises UnreadableValue. Accepts a plus sign, an exponent of up to two digits, and surrounding blanks, because some
    vendors send them.
    """
    if not _DECIMAL.fullmatch(text):
        raise UnreadableValue("not a decimal number", text)
    return Decimal(text)


def decimal_string(value: Decimal) -> str:
    """Format in plain notation, without exponent and without negative zero."""
    return format(value if value else abs(value), "f")


def _rounded(value: Decimal, digits: int) -> str:
    """Round to exactly `digits` decimals. Raises ValueError for more digits before the point than `Money` allows."""
    rounded = _WIDE.quantize(value, Decimal(1).scaleb(-digits))
    if rounded.adjusted() >= MAX_WHOLE_DIGITS:
        raise ValueError(f"more than {MAX_WHOLE_DIGITS} digits before the point")
    return decimal_string(rounded)


def _at_least(value: Decimal, digits: int) -> str:
    """Format with as many decimals as the value needs, at least `digits` and at most 9."""
    fitting = value if _decimals(value) <= MAX_DECIMALS else _WIDE.quantize(value, Decimal(1).scaleb(-MAX_DECIMALS))
    return _rounded(fitting, max(digits, _decimals(fitting.normalize(_WIDE))))


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def utc(moment: T) -> T:
    """Convert to UTC, None to None. A naive time counts as UTC: use it only for vendors that document their times as
    UTC."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return _EPOCH + (moment - _NAIVE_EPOCH)  # takes a fifth of the time of `replace`
    return moment.astimezone(UTC)


def safe_html(text: str) -> str:
    """Return HTML without scripts, handlers, styles or frames, but with `dir`; safe to display. See `markup`."""
    return markup.safe_html(text)


def is_html_lost(text: str, safe: str) -> bool:
    """Return whether `safe_html` removed more than class names, which matter only on the vendor's pages."""
    return safe != text and _HTML_CLASS.sub("", text) != safe


def unescaped(text: str) -> str:
    """Replace the HTML character references that a vendor keeps in plain text: `Lee &amp; Co` becomes `Lee & Co`."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(reference: re.Match[str]) -> str:
    name = reference[1]
    return html.unescape(reference[0]) if name.startswith("#") else html5.get(f"{name};", reference[0])
