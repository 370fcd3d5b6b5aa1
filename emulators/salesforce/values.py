"""Check a value for a field and return it as it is stored."""

import re
from datetime import date
from typing import Any

from emulators.salesforce.errors import Refusal
from emulators.salesforce.ids import eighteen, looks_like
from emulators.salesforce.org import Org, moment, stamped
from emulators.salesforce.schema import SOBJECTS, Field

EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")
NUMBERS = ("double", "currency", "int")
BLANKS = "".join(map(chr, range(ord(" ") + 1)))


def judged(org: Org, field: Field, value: Any) -> Any:
    """Return the value as it is stored: text without spaces around it, "" as null, an id in its long form. Raises
    Refusal."""
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise _parser(field, "boolean", value)
        return value
    if value is None:
        return None
    if field.type in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _parser(field, "double", value)
        return value
    if not isinstance(value, str):
        raise _parser(field, "string", value)
    if field.type == "date":
        return _day(field, value)
    if field.type == "datetime":
        return _moment(field, value)
    if field.type in ("id", "reference"):
        return _reference(org, field, value)
    return _text(field, value)


def _text(field: Field, value: str) -> str | None:
    value = value.strip(BLANKS)
    if not value:
        return None
    if field.length and len(value) > field.length:
        message = f"{field.label}: data value too large: {value[:40]} (max length={field.length})"
        raise Refusal(400, "STRING_TOO_LONG", message, [field.name])
    if field.type == "email" and not EMAIL.fullmatch(value):
        message = f"{field.label}: invalid email address: {value}"
        raise Refusal(400, "INVALID_EMAIL_ADDRESS", message, [field.name])
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    if field.restricted and any(one not in field.values for one in chosen):
        message = f"{field.label}: bad value for restricted picklist field: {value}"
        raise Refusal(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return value


def _reference(org: Org, field: Field, value: str) -> str | None:
    if not value:
        return None
    prefixes = [SOBJECTS[name].prefix for name in field.refers]
    if not any(looks_like(value, prefix) for prefix in prefixes):
        raise Refusal(400, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name])
    records = (org.get(name, value) for name in field.refers)
    if not any(record is not None and not record["IsDeleted"] for record in records):
        code = "INVALID_CROSS_REFERENCE_KEY"
        raise Refusal(400, code, "invalid cross reference id", [])
    return eighteen(value)


def _day(field: Field, value: str) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise _parser(field, "date", value) from None


def _moment(field: Field, value: str) -> str:
    try:
        seconds = moment(value)
    except ValueError:
        raise _parser(field, "datetime", value) from None
    return stamped(seconds)


def _parser(field: Field, wanted: str, value: Any) -> Refusal:
    text = value if isinstance(value, str | int | float) else type(value).__name__
    return Refusal(
        400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {wanted} from value {text} ({field.name})"
    )
