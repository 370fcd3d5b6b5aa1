"""Types of metafields and their valid values."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


class MetafieldType(msgspec.Struct, frozen=True, kw_only=True):
    """A type: its group, and a check of a value (always text) that returns the error, or None."""

    category: str
    flaw: Callable[[str], str | None]


def flaw_of(type_name: str, value: str) -> str | None:
    """Return the error in a value of this type; None if it is valid, or if the type is none of `TYPES`."""
    if not value:
        return "Value can't be blank."
    known = TYPES.get(type_name)
    return known.flaw(value) if known else None


def as_json(type_name: str, value: str) -> Any:
    """Return a value as `jsonValue`: lists, numbers, booleans and JSON decoded, the rest as text."""
    if type_name.startswith("list.") or type_name in ("json", "number_integer", "boolean"):
        try:
            return msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            return value
    return value


def _one_line(value: str) -> str | None:
    return "Value must be a single line text string." if "\n" in value else None


def _id(value: str) -> str | None:
    return "Value must be at most 255 characters on one line." if "\n" in value or len(value) > 255 else None


def _integer(value: str) -> str | None:
    return None if re.fullmatch(r"-?[0-9]+", value) else "Value must be an integer."


def _decimal(value: str) -> str | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "Value must be a decimal."
    return None if number.is_finite() else "Value must be a decimal."


def _boolean(value: str) -> str | None:
    return None if value in ("true", "false") else "Value must be true or false."


def _json(value: str) -> str | None:
    try:
        msgspec.json.decode(value.encode())
    except msgspec.DecodeError:
        return "Value is invalid JSON."
    return None


def _texts(value: str) -> str | None:
    try:
        msgspec.json.decode(value.encode(), type=list[str])
    except msgspec.DecodeError:
        return "Value must be a list of texts."
    return None


def _date(value: str) -> str | None:
    try:
        date.fromisoformat(value)
    except ValueError:
        return 'Value must be in "YYYY-MM-DD" format.'
    return None


def _date_time(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return 'Value must be in "YYYY-MM-DDTHH:MM:SS" format.'
    return None


def _url(value: str) -> str | None:
    return None if re.match(r"(https?|mailto|sms|tel):", value) else "Value must be a URL."


def _anything(value: str) -> str | None:
    return None


TYPES = {
    "boolean": MetafieldType(category="TRUE_FALSE", flaw=_boolean),
    "date": MetafieldType(category="DATE_TIME", flaw=_date),
    "date_time": MetafieldType(category="DATE_TIME", flaw=_date_time),
    "id": MetafieldType(category="ID", flaw=_id),
    "json": MetafieldType(category="CUSTOM", flaw=_json),
    "list.single_line_text_field": MetafieldType(category="TEXT", flaw=_texts),
    "multi_line_text_field": MetafieldType(category="TEXT", flaw=_anything),
    "number_decimal": MetafieldType(category="NUMBER", flaw=_decimal),
    "number_integer": MetafieldType(category="NUMBER", flaw=_integer),
    "single_line_text_field": MetafieldType(category="TEXT", flaw=_one_line),
    "url": MetafieldType(category="URL", flaw=_url),
}
