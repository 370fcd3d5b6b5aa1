"""Parts of records in Shopify's REST API: numbers for ids, sums as text, the shop's time. Placed records may be
invalid, so no member is trusted."""

from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from emulators.shopify.ids import SHOP_ZONE, number_of, read_moment
from emulators.shopify.shapes import amount, text

JsonRecord = dict[str, Any]


def number(gid: Any) -> int | None:
    """Return the number in a global id, or None."""
    digits = number_of(str(gid))
    return int(digits) or None


def local_time(moment: Any) -> str | None:
    """Return an instant with the shop's offset: `2026-05-06T04:46:13-04:00`."""
    read = read_moment(moment) if isinstance(moment, str) else None
    return None if read is None else read.astimezone(SHOP_ZONE).isoformat(timespec="seconds")


def lower(word: Any) -> str | None:
    """Return an enum value in lower case, as in REST."""
    return word.lower() if isinstance(word, str) else None


def sum_text(value: Decimal, currency: Any) -> str:
    """Return a sum with all digits of its currency."""
    digits = get_currency_precision(currency if isinstance(currency, str) else "USD")
    return format(value, f".{digits}f")


def shop_sum(bag: Any, currency: Any) -> str:
    """Return the shop's amount of a `MoneyBag`."""
    return sum_text(amount(bag), currency)


def money_set(bag: Any, currency: Any) -> JsonRecord:
    """Return a `MoneyBag`."""
    return {"shop_money": {"amount": shop_sum(bag, currency), "currency_code": text(currency)}}


def pairs(attributes: Any) -> list[JsonRecord]:
    """Return `customAttributes` as `note_attributes` or `properties`."""
    entries = attributes if isinstance(attributes, list) else []
    return [{"name": one.get("key"), "value": one.get("value")} for one in entries if isinstance(one, dict)]


def address_body(address: Any) -> JsonRecord | None:
    """Return a postal address of an order."""
    if not isinstance(address, dict):
        return None
    return {
        "first_name": address.get("firstName"),
        "address1": address.get("address1"),
        "phone": address.get("phone"),
        "city": address.get("city"),
        "zip": address.get("zip"),
        "province": address.get("province"),
        "country": address.get("country"),
        "last_name": address.get("lastName"),
        "address2": address.get("address2"),
        "company": address.get("company"),
        "name": address.get("name"),
        "country_code": address.get("countryCodeV2"),
        "province_code": address.get("provinceCode"),
    }
