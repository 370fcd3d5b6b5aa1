"""Custom fields: the properties that a connection's configuration names, typed both ways.

They are configuration and not code, so they are read from the bag of properties by name.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from msgspec import UnsetType

from canonical import values
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.hubspot.property_values import EPOCH, iso
from mappings.hubspot.wire_v3 import CLEARED
from mappings.spec import Notes

SEPARATOR = ";"
"""Between the values of an enumeration that takes several."""


def read_custom_fields(
    properties: dict[str, str | None], settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> tuple[CustomField, ...]:
    """All configured fields, with null for one that is empty. Text that is not of the configured type is kept as it
    is, and told as `ambiguous`."""
    fields: list[CustomField] = []
    for index, setting in enumerate(settings):
        text = properties.get(setting.vendor_field) or None
        value: CustomFieldValue = None
        if text is not None:
            try:
                value = _read(text, setting.type)
            except (ValueError, OverflowError):
                value = text
                detail = f"the text of {setting.vendor_field} is no {setting.type} and stands as it is"
                notes.lose(f"/custom_fields/{index}/value", "ambiguous", detail)
        fields.append(CustomField(key=setting.key, type=setting.type, value=value, label=setting.label))
    return tuple(fields)


def write_custom_fields(
    patch: tuple[CustomFieldPatch, ...] | UnsetType | None,
    current: dict[str, str | None] | None,
    settings: tuple[CustomFieldSetting, ...],
    properties: dict[str, str],
    notes: Notes,
) -> None:
    """Put the fields into `properties`. The array replaces what is there: a configured field that is not in it is
    cleared, where `current` has a value for it."""
    if isinstance(patch, UnsetType):
        return
    by_key = {setting.key: setting for setting in settings}
    for setting in settings:
        if current is not None and current.get(setting.vendor_field):
            properties[setting.vendor_field] = CLEARED
    for index, field in enumerate(patch or ()):
        known = by_key.get(field.key)
        if known is None:
            configured = ", ".join(sorted(by_key)) or "none"
            notes.invalid(
                f"/custom_fields/{index}/key", f"not configured for this connection; configured: {configured}"
            )
            continue
        try:
            properties[known.vendor_field] = CLEARED if field.value is None else _write(field.value, known.type)
        except ValueError as error:
            notes.invalid(f"/custom_fields/{index}/value", str(error))


def _read(text: str, kind: CustomFieldType) -> CustomFieldValue:
    match kind:
        case "string" | "enum":
            return text
        case "multi_enum":
            return [one for one in text.split(SEPARATOR) if one]
        case "boolean":
            return _truth(text)
        case "number":
            number = values.parse_decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        case "date":
            return _moment(text).date().isoformat()
        case "datetime":
            return iso(_moment(text))


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text == "true"


def _moment(text: str) -> datetime:
    if text.removeprefix("-").isdecimal():
        return EPOCH + timedelta(milliseconds=int(text))
    return values.utc(datetime.fromisoformat(text))


def _write(value: str | bool | int | float | list[str], kind: CustomFieldType) -> str:
    """The property's text. Raises ValueError with a sentence for the caller."""
    match kind:
        case "string" | "enum" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return "true" if value else "false"
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return values.decimal_string(Decimal(repr(value)))
        case "multi_enum" if isinstance(value, list):
            if any(SEPARATOR in one for one in value):
                raise ValueError("HubSpot separates several values by semicolons, so none may hold one")
            return SEPARATOR.join(value)
        case "date" if isinstance(value, str):
            return _date(value)
        case "datetime" if isinstance(value, str):
            return _datetime(value)
        case _:
            raise ValueError(f"not a value of the configured type {kind}")


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("not a date such as 2026-05-01") from error


def _datetime(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("not a date and time such as 2026-05-01T09:30:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("a date and time needs its offset, such as 2026-05-01T09:30:00Z")
    return iso(moment.astimezone(UTC))
