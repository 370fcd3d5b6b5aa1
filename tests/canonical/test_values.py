"""Normalisers: what comes out is canonical, stays as it is when read again, and nothing is guessed."""

import html
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from canonical import values

CANONICAL = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD", "UYW", "ISK", "HUF"])
AMOUNTS = st.decimals(-(10**14), 10**14, places=12) | st.decimals(-(10**14), 10**14, places=2)

# ------------------------------------------------------------------- money


@given(AMOUNTS, CURRENCIES)
def test_money_has_exactly_the_digits_of_its_currency_and_is_stable(amount: Decimal, currency: str) -> None:
    text = values.money(str(amount), currency)
    assert CANONICAL.fullmatch(text)
    assert len(text.partition(".")[2]) == values.currency_digits(currency)
    assert values.money(text, currency) == text
    smallest = Decimal(1).scaleb(-values.currency_digits(currency))
    assert abs(Decimal(text) - amount) <= smallest / 2


@given(AMOUNTS, CURRENCIES)
def test_a_unit_price_keeps_what_the_currency_could_not_pay(amount: Decimal, currency: str) -> None:
    text = values.unit_price(str(amount), currency)
    assert CANONICAL.fullmatch(text)
    assert len(text.partition(".")[2]) >= values.currency_digits(currency)
    assert values.unit_price(text, currency) == text
    assert Decimal(text) == amount.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


@given(AMOUNTS)
def test_a_quantity_has_no_trailing_zero(amount: Decimal) -> None:
    text = values.quantity(str(amount))
    assert CANONICAL.fullmatch(text)
    assert not ("." in text and text.endswith("0"))
    assert values.quantity(text) == text


@given(st.text(max_size=40), CURRENCIES)
def test_any_text_is_money_or_a_value_error(text: str, currency: str) -> None:
    try:
        amount = values.money(text, currency)
    except ValueError:
        return
    assert CANONICAL.fullmatch(amount)
    assert amount.isascii()


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        ("10", "EUR", "10.00"),
        ("10.", "JPY", "10"),
        ("9.0", "EUR", "9.00"),
        ("007.00", "EUR", "7.00"),
        ("-0.00", "EUR", "0.00"),
        ("-0", "JPY", "0"),
        ("+4.5", "EUR", "4.50"),
        (" 4.5\n", "EUR", "4.50"),
        ("1.5E7", "EUR", "15000000.00"),
        ("2.675", "EUR", "2.68"),
        ("2.665", "EUR", "2.66"),
        ("999999999999999.99", "EUR", "999999999999999.99"),
        ("0.12345", "BTC", "0.12345"),  # unknown to ISO: its number of decimals is unknown
        ("5", "BTC", "5.00"),
    ],
)
def test_money_as_vendors_write_it(amount: str, currency: str, money: str) -> None:
    assert values.money(amount, currency) == money


@pytest.mark.parametrize(
    "amount",
    [
        "",
        "-",
        ".",
        "--5.00",
        "1,50",
        "1_000",
        "0x10",
        "\uff15",
        "NaN",
        "Infinity",
        "1e99",
        "1e999999999",
        "1000000000000000",
    ],
)
def test_what_is_no_money_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"not a decimal number|digits before the point"):
        values.money(amount, "EUR")


# ------------------------------------------------------------------ phones


@given(st.text(max_size=30), st.sampled_from([None, "DE", "US", "GB"]))
def test_a_phone_is_e164_or_nothing(text: str, country: str | None) -> None:
    number = values.phone(text, country)
    if number is None:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number)
    assert values.phone(number) == number


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_the_national_spelling_of_every_region_reads_as_the_same_number(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.FIXED_LINE)
    if example is None:
        return
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for style in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        assert values.phone(phonenumbers.format_number(example, style), region) == e164


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("+44 117 496 0123", None, "+441174960123"),
        ("+49 (0)30 123456", None, "+4930123456"),
        ("tel:+49-30-123456", None, "+4930123456"),
        ("(030) 123456", "DE", "+4930123456"),
        ("0044 117 496 0123", "DE", "+441174960123"),
        ("117 496 0123", None, None),
        ("call me", "US", None),
        ("911", "US", None),
        ("+1", None, None),
        ("+44 117 496 0123 / +44 117 496 0124", None, None),
        ("", "DE", None),
    ],
)
def test_phones_as_people_write_them(text: str, country: str | None, e164: str | None) -> None:
    assert values.phone(text, country) == e164


# ---------------------------------------------------------- languages, zones


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"),
        ("PT-br", "pt-BR"),
        ("en_us", "en-US"),
        ("de_DE.UTF-8", "de-DE"),
        ("zh-tw", "zh-TW"),  # stays as it was sent: not zh-Hant-TW
        ("ZH-HANT-TW", "zh-Hant-TW"),
        ("sr_latn_rs", "sr-Latn-RS"),
        ("es-419", "es-419"),
        ("de-CH-1901", "de-CH-1901"),
        ("iw-IL", "he-IL"),
        (" fil ", "fil"),
        ("en-x-shop", "en-x-shop"),
    ],
)
def test_language_tags(text: str, tag: str) -> None:
    assert values.language(text) == tag


@pytest.mark.parametrize(
    "text", ["english", "xx", "de-ZZ", "de-EU", "en-", "-en", "e", "en--US", "en-Abcd", "12", "", None, "en us"]
)
def test_what_is_no_language_tag(text: str | None) -> None:
    assert values.language(text) is None


@given(st.text(alphabet="abcdehinstuzDEHTUW0149-_.@ ", max_size=16))
def test_a_language_tag_is_stable_and_compares_with_itself(text: str) -> None:
    tag = values.language(text)
    if tag is None:
        assert values.language_key(text) is None
        return
    assert values.language(tag) == tag
    assert values.language(tag.upper().replace("-", "_")) == tag
    assert values.language_key(values.language_key(tag)) == values.language_key(tag)


def test_tags_are_compared_with_the_script_that_they_imply() -> None:
    assert values.language_key("zh_cn") == values.language_key("zh-Hans-CN")
    assert values.language_key("zh-TW") != values.language_key("zh-CN")
    assert values.language_key("zh-TW") != values.language_key("zh-Hans-TW")


@pytest.mark.parametrize(
    ("name", "known"),
    [("Europe/Berlin", True), ("UTC", True), ("US/Pacific", True), ("europe/berlin", False), ("CEST", False)],
)
def test_time_zones(name: str, known: bool) -> None:
    assert values.timezone(name) == (name if known else None)


@pytest.mark.parametrize("name", ["localtime", "../etc/passwd", "", None])
def test_what_is_no_time_zone(name: str | None) -> None:
    assert values.timezone(name) is None


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_instants_stay_the_same_instant_in_utc(naive: datetime, offset: int) -> None:
    if not 2 <= naive.year <= 9998:
        return
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert values.utc(moment) == moment
    assert values.utc(moment).tzinfo is UTC
    assert values.utc(naive) == naive.replace(tzinfo=UTC)


# ------------------------------------------------------------------- e-mail


@pytest.mark.parametrize("address", ["ann@example.com", "o'brien+shop@mail.example.co.uk", "jörg@exämple.de"])
def test_addresses_that_callers_may_send(address: str) -> None:
    assert values.is_email(address)


@pytest.mark.parametrize(
    "address",
    ["", "ann", "ann@", "@example.com", "a@b", "a b@example.com", "ann@example..com", "ann@example.com, b@c.de"],
)
def test_what_is_no_address(address: str) -> None:
    assert not values.is_email(address)


_LABEL = st.from_regex(r"[a-z0-9-]{1,4}|[a-z0-9]{61,65}", fullmatch=True)
_TOP_LABEL = st.sampled_from(("com", "local", "test", "onion", "arpa", "c0m", "1", "co-m", "COM", "c", "xn--p1ai"))
_ADDRESS = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}",
    st.from_regex(r"[a-zA-Z0-9_+.'-]{1,8}|[a-z]{180,240}", fullmatch=True),
    st.lists(_LABEL, max_size=4),
    _TOP_LABEL,
)


@given(_ADDRESS | st.emails())
def test_a_plain_address_is_judged_like_any_other(address: str) -> None:
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        assert not values.is_email(address)
    else:
        assert values.is_email(address)


@given(st.emails())
def test_an_address_is_trimmed_and_lower_case(address: str) -> None:
    assert values.email(f" {address}\t") == address.lower()


# --------------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>Hello <b>Ann</b></p>", "<p>Hello <b>Ann</b></p>"),
        ("<p onclick=alert(1)>x</p>", "<p>x</p>"),
        ("<script>alert(1)</script>x", "x"),
        ("<style>p{display:none}</style>x", "x"),
        ("<iframe src=https://example.com></iframe>x", "x"),
        ('<img src="x" onerror="alert(1)">', '<img src="x">'),
        ("<svg/onload=alert(1)>x", "x"),
        ("a <!-- secret --> b", "a  b"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ('<p dir="rtl" class="x">Hello</p>', '<p dir="rtl">Hello</p>'),
    ],
)
def test_html_is_shown_without_what_runs(html: str, left: str) -> None:
    assert values.safe_html(html) == left


def test_a_link_that_runs_code_loses_its_target() -> None:
    assert "javascript" not in values.safe_html('<a href="java&#115;cript:alert(1)">x</a>')


@pytest.mark.parametrize(
    ("html", "is_lost"),
    [
        ('<div class="zd-comment" dir="auto"><p class="">x</p></div>', False),
        ('<p class="x" onclick="y()">x</p>', True),
        ('<p class="x">x</p><script>y()</script>', True),
        ("<p>x</p>", False),
        ('<p>say class="x"</p><i style="a">x</i>', True),
    ],
)
def test_class_names_are_nothing_to_lose(html: str, is_lost: bool) -> None:
    assert values.is_html_lost(html, values.safe_html(html)) is is_lost


@given(st.text(max_size=200))
def test_safe_html_is_stable(text: str) -> None:
    once = values.safe_html(text)
    assert values.safe_html(once) == once
    assert "<script" not in once.lower()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Lee &amp; Co", "Lee & Co"),
        ("O&#039;Neill &#x27;", "O'Neill '"),
        ("Ship Your Idea &ndash; Mug", "Ship Your Idea \u2013 Mug"),
        ("AT&T, R&D, fish&chips; &copy 2026", "AT&T, R&D, fish&chips; &copy 2026"),
        ("&amp;amp;", "&amp;"),
        ("&nosuchname; &notit; &;", "&nosuchname; &notit; &;"),
        (f"&#{'9' * 5000};", f"&#{'9' * 5000};"),
    ],
)
def test_references_of_html_are_characters(text: str, plain: str) -> None:
    assert values.unescaped(text) == plain


@given(text=st.text())
def test_what_was_escaped_is_what_it_was(text: str) -> None:
    assert values.unescaped(html.escape(text)) == text
    assert isinstance(values.unescaped(text), str)


# ------------------------------------------------------------------ long ones


@pytest.mark.parametrize("text", ["\u0301" * 65_000, "1" * 65_000, "a@example.com" + " " * 65_000, "DE" + " " * 65_000])
def test_what_is_longer_than_any_name_or_number_is_none(text: str) -> None:
    assert not values.is_email(text)
    assert [values.phone(text), values.phone(text, "DE")] == [None, None]
    assert [values.country(text), values.language(text), values.language_key(text)] == [None, None, None]
