"""Parse one cell into a value of its column's type. The reason of a refusal never repeats the cell, because it may hold
personal data."""

import re
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from canonical import values
from mappings.csv.fields import CUSTOM
from mappings.csv.layout import BOOLEANS, Column, Layout

DAMAGED: Final = "\ufffd"
_PLAIN: Final = {
    ".": re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,9})?"),
    ",": re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4})(?:,[0-9]{1,9})?"),
}
"""Number formats by decimal separator. The other separator may group thousands."""


class BadCell(Exception):
    """The cell cannot be parsed. The message gives the reason without the cell's content."""


def read_cell(text: str, column: Column, layout: Layout) -> Any:
    """Return the value of a non-empty cell. An amount of money is a Decimal until its currency is known (see `money`).
    Raises BadCell."""
    check_text(text, layout)
    match column.type:
        case "string":
            return _text(text, str(column.field.path[-1]), column.field.path[0] == CUSTOM)
        case "enum":
            return _word(text, column)
        case "boolean":
            return _boolean(text, column)
        case "number":
            return _number(text, column, layout)
        case "money":
            return _decimal(text, layout)
        case "date":
            return _moment(text, layout.date_format, layout, "date")
        case "datetime":
            return _moment(text, layout.datetime_format, layout, "time")


def check_text(text: str, layout: Layout) -> None:
    """Raise BadCell for a cell with undecodable bytes or a NUL character."""
    if DAMAGED in text:
        raise BadCell(f"holds bytes that are not {layout.encoding}")
    if "\0" in text:
        raise BadCell("holds a NUL character")


def money(amount: Decimal, currency: str, *, finer: bool) -> str:
    """Return an amount with the decimals of its currency. With `finer` it may have more, as unit prices do. Raises
    BadCell for too many decimals, because rounding would be a guess."""
    text = values.decimal_string(amount)
    try:
        kept = values.unit_price(text, currency) if finer else values.money(text, currency)
    except ValueError as error:
        raise BadCell(str(error)) from error
    if Decimal(kept) != amount:
        raise BadCell(f"has more decimals than {currency} allows: {values.currency_digits(currency)}")
    return kept


def _text(text: str, name: str, is_custom: bool) -> str:
    if is_custom:
        return text
    match name:
        case "address" | "email":
            address = values.email(text)
            return _known(address if values.is_email(address) else None, "is not an e-mail address")
        case "country_code":
            return _known(values.country(text), "is not a country: use an ISO 3166-1 code or an English name")
        case "currency" | "presentment_currency":
            code = text.upper()
            return _known(code if values.is_currency(code) else None, "is not an ISO 4217 code")
        case "language":
            return _known(values.language(text), "is not a BCP 47 tag")
        case "timezone":
            return _known(values.timezone(text), "is not an IANA time zone")
        case "e164":
            return _known(
                values.phone(text), "is not a phone number with a country code: fill phones[0].raw with it instead"
            )
        case "description_html" | "body_html":
            return values.safe_html(text)
    return text


def _known(value: str | None, complaint: str) -> str:
    if value is None:
        raise BadCell(complaint)
    return value


def _word(text: str, column: Column) -> str:
    word = text.lower()
    if column.values:
        if word not in column.values:
            raise BadCell(f"is not one of the configured values: {', '.join(column.values)}")
        return column.values[word]
    if column.field.words and word not in column.field.words:
        raise BadCell(f"is not one of {', '.join(column.field.words)}, and no values are configured")
    return word if column.field.words else text


def _boolean(text: str, column: Column) -> bool:
    word = text.lower()
    if column.values:
        if word not in column.values:
            raise BadCell(f"is not one of the configured values: {', '.join(column.values)}")
        return column.values[word] == "true"
    if word not in BOOLEANS:
        raise BadCell(f"is not one of {', '.join(BOOLEANS)}, and no values are configured")
    return BOOLEANS[word]


def _number(text: str, column: Column, layout: Layout) -> Any:
    amount = _decimal(text, layout)
    if column.field.kind == "whole":
        if amount != amount.to_integral_value():
            raise BadCell("is not a whole number")
        return int(amount)
    if column.field.path[0] == CUSTOM:
        return int(amount) if amount == amount.to_integral_value() else float(amount)
    return values.quantity(values.decimal_string(amount))


def _decimal(text: str, layout: Layout) -> Decimal:
    if _PLAIN[layout.decimal].fullmatch(text) is None:
        raise BadCell(f"is not a number with {layout.decimal!r} as the decimal separator")
    group = "," if layout.decimal == "." else "."
    return Decimal(text.replace(group, "").replace(",", "."))


def _moment(text: str, form: str | None, layout: Layout, what: str) -> datetime:
    """Return the instant in UTC. Without an offset it is local time in the layout's zone; a date begins at midnight.

    Exports write midnight and an offset with a date too. Any other time of day is refused, because it would be lost.
    """
    try:
        moment = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007
        if what == "date":
            if moment.time() != time.min:
                raise BadCell("has a time of day, and its type is date: use datetime")
            moment = moment.replace(tzinfo=None)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(layout.zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCell(f"is not a {what} {'in ISO 8601' if form is None else f'as {form}'}") from error
