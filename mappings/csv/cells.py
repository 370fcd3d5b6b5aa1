"""Read one cell from text to a value of its column's type. The reason of a refusal never repeats the cell, because it
may hold personal data."""

import re
from datetime import UTC, datetime
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
"""Numbers by their decimal separator. The other one may separate thousands."""


class BadCell(Exception):
    """The cell cannot be read. The text says why, without the cell's content."""


def read_cell(text: str, column: Column, layout: Layout) -> Any:
    """Return the value of a cell that is not empty. Amounts of money are decimals until their currency is known. Raises
    BadCell."""
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
    """Raise BadCell for a cell with damaged text."""
    if DAMAGED in text:
        raise BadCell(f"holds bytes that are not {layout.encoding}")
    if "\0" in text:
        raise BadCell("holds a NUL character")


def money(amount: Decimal, currency: str, *, finer: bool) -> str:
    """Return an amount with the digits of its currency. `finer`: a unit price may have more. Raises BadCell for too
    many digits, because rounding would be a guess."""
    text = values.decimal_string(amount)
    try:
        kept = values.unit_price(text, currency) if finer else values.money(text, currency)
    except ValueError as error:
        raise BadCell(str(error)) from error
    if Decimal(kept) != amount:
        raise BadCell(f"has more decimals than {currency}, which has {values.currency_digits(currency)}")
    return kept


def _text(text: str, name: str, is_custom: bool) -> str:
    if is_custom:
        return text
    match name:
        case "address" | "email":
            address = values.email(text)
            return _known(address if values.is_email(address) else None, "is no e-mail address")
        case "country_code":
            return _known(values.country(text), "names no country: an ISO 3166-1 code or an English name is needed")
        case "currency" | "presentment_currency":
            code = text.upper()
            return _known(code if values.is_currency(code) else None, "is no ISO 4217 code")
        case "language":
            return _known(values.language(text), "is no BCP 47 tag")
        case "timezone":
            return _known(values.timezone(text), "is no IANA zone")
        case "e164":
            return _known(values.phone(text), "is no number with its country; fill phones[0].raw with it instead")
        case "description_html" | "body_html":
            return values.safe_html(text)
    return text


def _known(value: str | None, complaint: str) -> str:
    if value is None:
        raise BadCell(complaint)
    return value


def _word(text: str, column: Column) -> str:
    said = text.lower()
    if column.values:
        if said not in column.values:
            raise BadCell(f"is none of the values that are configured: {', '.join(column.values)}")
        return column.values[said]
    if column.field.words and said not in column.field.words:
        raise BadCell(f"is none of {', '.join(column.field.words)}, and no values are configured")
    return said if column.field.words else text


def _boolean(text: str, column: Column) -> bool:
    said = text.lower()
    if column.values:
        if said not in column.values:
            raise BadCell(f"is none of the values that are configured: {', '.join(column.values)}")
        return column.values[said] == "true"
    if said not in BOOLEANS:
        raise BadCell(f"is none of {', '.join(BOOLEANS)}, and no values are configured")
    return BOOLEANS[said]


def _number(text: str, column: Column, layout: Layout) -> Any:
    amount = _decimal(text, layout)
    if column.field.kind == "whole":
        if amount != amount.to_integral_value():
            raise BadCell("is no whole number")
        return int(amount)
    if column.field.path[0] == CUSTOM:
        return int(amount) if amount == amount.to_integral_value() else float(amount)
    return values.quantity(values.decimal_string(amount))


def _decimal(text: str, layout: Layout) -> Decimal:
    if _PLAIN[layout.decimal].fullmatch(text) is None:
        raise BadCell(f"is no number with {layout.decimal!r} before the decimals")
    group = "," if layout.decimal == "." else "."
    return Decimal(text.replace(group, "").replace(",", "."))


def _moment(text: str, form: str | None, layout: Layout, what: str) -> datetime:
    """Return a time in UTC. Without an offset it is in the layout's zone. A date is its first moment."""
    try:
        moment = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(layout.zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCell(f"is no {what} {'in ISO 8601' if form is None else f'as {form}'}") from error
