"""Types of metafields and their valid values."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import msgspec


def flaw_of(type_name: str, value: str) -> str | None:
    """Return the error in a value of this type; None if it is valid, or if the type is none of `TYPES`."""
    if not value:
        return "Value can't be blank."
    known = TYPES.get(type_name)
    return known(value) if known else None


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


def _anything(value: str) -> str | None:
    return None


# A check of a value (always text), which returns the error or None.
TYPES: dict[str, Callable[[str], str | None]] = {
    "boolean": _boolean,
    "date": _date,
    "date_time": _date_time,
    "id": _id,
    "list.single_line_text_field": _texts,
    "multi_line_text_field": _anything,
    "number_decimal": _decimal,
    "number_integer": _integer,
    "single_line_text_field": _one_line,
}
