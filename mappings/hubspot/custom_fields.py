"""Custom fields: the properties that the configuration of a connection names."""

from datetime import datetime
from decimal import Decimal

from msgspec import UnsetType

from canonical import values
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.hubspot.field_values import iso, since_epoch
from mappings.hubspot.wire_v3 import CLEARED
from mappings.kit import custom_fields
from mappings.spec import Notes

SEPARATOR = ";"
"""Between the values of an enumeration with several."""


def read_custom_fields(
    properties: dict[str, str | None], settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> tuple[CustomField, ...]:
    """Return all configured fields; an empty one is null. Text of another type than configured is kept and reported as
    `ambiguous`."""
    fields: list[CustomField] = []
    for index, setting in enumerate(settings):
        text = properties.get(setting.vendor_field) or None
        value: CustomFieldValue = None
        if text is not None:
            try:
                value = _read(text, setting.type)
            except (ValueError, OverflowError):
                value = text
                detail = f"{setting.vendor_field} is not a valid {setting.type}; its text is returned unchanged"
                notes.lose(f"/custom_fields/{index}/value", "ambiguous", detail)
        fields.append(CustomField(key=setting.key, type=setting.type, value=value, label=setting.label))
    return tuple(fields)


def write_custom_fields(
    patch: tuple[CustomFieldPatch, ...] | UnsetType | None,
    current: dict[str, str | None] | None,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
) -> dict[str, str]:
    """Return the properties to write. The array replaces the fields: a configured field that it omits is cleared if
    `current` has a value for it."""
    if isinstance(patch, UnsetType):
        return {}
    stored = current or {}
    properties = {one.vendor_field: CLEARED for one in settings if stored.get(one.vendor_field)}
    for place, setting, value in custom_fields.named(patch, settings, notes):
        if isinstance(value, list) and any(SEPARATOR in one for one in value):
            notes.invalid(
                f"/custom_fields/{place}/value", "HubSpot separates values with semicolons: a value cannot contain one"
            )
            continue
        properties[setting.vendor_field] = CLEARED if value is None else _write(value, setting.type)
    return properties


def _read(text: str, kind: CustomFieldType) -> CustomFieldValue:
    match kind:
        case "string" | "enum":
            return text
        case "multi_enum":
            return [one for one in text.split(SEPARATOR) if one]
        case "boolean":
            return _boolean(text)
        case "number":
            number = values.parse_decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        case "date":
            return _instant(text).date().isoformat()
        case "datetime":
            return iso(_instant(text))


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text == "true"


def _instant(text: str) -> datetime:
    if text.removeprefix("-").isdecimal():
        return since_epoch(text)
    return values.utc(datetime.fromisoformat(text))


def _write(value: str | bool | int | float | list[str], kind: CustomFieldType) -> str:
    """The text of a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return values.decimal_string(Decimal(repr(value)))
    if isinstance(value, list):
        return SEPARATOR.join(value)
    return iso(_instant(value)) if kind == "datetime" else value
