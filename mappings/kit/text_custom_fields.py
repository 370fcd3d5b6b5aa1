"""Read and write custom fields that a vendor stores as text by name. The connection's configuration names the fields
and their types. Several choices are one text with semicolons."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from canonical import values
from canonical.parts import CustomField, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.spec import Notes

SEPARATOR: Final = ";"
_BOOLEAN: Final = {"true": True, "false": False}
Spelled = Callable[[str], str]
"""Reads or writes the text of a day or a time. Raises ValueError or OverflowError for any other text."""


def read(
    texts: Mapping[str, str | None],
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    *,
    day: Spelled,
    moment: Spelled,
    pointer: str = "/custom_fields",
) -> tuple[CustomField, ...]:
    """Return all configured fields, null for those without a value. Text of another type is returned as it is and
    reported as `ambiguous`."""
    fields: list[CustomField] = []
    for place, setting in enumerate(settings):
        text = texts.get(setting.vendor_field) or None
        value: CustomFieldValue = text
        if text is not None:
            try:
                value = _value(text, setting.type, day, moment)
            except (ValueError, OverflowError, KeyError):
                detail = f"{setting.vendor_field} is not a valid {setting.type}; its text is returned unchanged"
                notes.lose(f"{pointer}/{place}/value", "ambiguous", detail)
        fields.append(CustomField(key=setting.key, type=setting.type, value=value, label=setting.label))
    return tuple(fields)


def splits(value: CustomFieldValue) -> bool:
    """Return whether a choice holds a semicolon, and so would be read as two."""
    return isinstance(value, list) and any(SEPARATOR in one for one in value)


def text_of(value: str | bool | int | float | list[str], kind: CustomFieldType, moment: Spelled) -> str:
    """Return the text of a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return values.decimal_string(Decimal(repr(value)))
    if isinstance(value, list):
        return SEPARATOR.join(value)
    return moment(value) if kind == "datetime" else value


def _value(text: str, kind: CustomFieldType, day: Spelled, moment: Spelled) -> CustomFieldValue:
    match kind:
        case "string" | "enum":
            return text
        case "multi_enum":
            return [one for one in text.split(SEPARATOR) if one]
        case "boolean":
            return _BOOLEAN[text]
        case "number":
            number = values.parse_decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        case "date":
            return day(text)
        case "datetime":
            return moment(text)
