"""Custom fields both ways. Shopify keeps them as text, in three places; the configured `vendor_field` says which:

`namespace.key` is a metafield, `line:name` a property of order lines, any other name an attribute of an order.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from math import isfinite
from typing import Any, Final

import msgspec
from msgspec import UnsetType

from canonical import values
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.spec import Notes

LINE: Final = "line:"
LISTED: Final = "list.single_line_text_field"
METAFIELD_TYPE: Final[dict[CustomFieldType, str]] = {
    "string": "single_line_text_field",
    "number": "number_decimal",
    "boolean": "boolean",
    "date": "date",
    "datetime": "date_time",
    "enum": "single_line_text_field",
    "multi_enum": LISTED,
}
"""The type of a metafield that has none yet."""
EXPECTED: Final[dict[CustomFieldType, str]] = {
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-05-01",
    "datetime": "a time such as 2026-05-01T09:30:00Z",
    "enum": "one choice as text",
    "multi_enum": "a list of choices as text",
}


def read(
    settings: tuple[CustomFieldSetting, ...], held: Mapping[str, str | None], notes: Notes, pointer: str
) -> tuple[CustomField, ...]:
    """The configured fields with what the record holds, by vendor field.

    A value of another type than configured is kept as Shopify's text, as a field of type `string`, and noted as
    `coerced`.
    """
    return tuple(_read_one(setting, held, notes, f"{pointer}/{place}") for place, setting in enumerate(settings))


def named(
    patch: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    pointer: str,
) -> dict[CustomFieldSetting, str | None] | None:
    """What a patch says of custom fields, as Shopify's text, None for a field that is to be emptied; None in all where
    the patch says nothing. Unknown keys and wrong types are noted as invalid."""
    if isinstance(patch, UnsetType):
        return None
    known = {setting.key: setting for setting in settings}
    said: dict[CustomFieldSetting, str | None] = {}
    for place, field in enumerate(patch or ()):
        setting = known.get(field.key)
        if setting is None:
            notes.invalid(f"{pointer}/{place}/key", _unknown_key(settings))
        elif setting in said:
            notes.invalid(f"{pointer}/{place}/key", "this field is named twice")
        elif field.value is not None and not _FITS[setting.type](field.value):
            notes.invalid(f"{pointer}/{place}/value", f"{EXPECTED[setting.type]} is expected")
        else:
            said[setting] = _text_of(field.value)
    return said


def _read_one(setting: CustomFieldSetting, held: Mapping[str, str | None], notes: Notes, pointer: str) -> CustomField:
    text = held.get(setting.vendor_field)
    if text is None or (not text and setting.type != "string"):
        return CustomField(key=setting.key, type=setting.type, value=None, label=setting.label)
    value = _READ[setting.type](text)
    if value is not None:
        return CustomField(key=setting.key, type=setting.type, value=value, label=setting.label)
    detail = f"Shopify holds something else than {EXPECTED[setting.type]}; its own text is given"
    notes.lose(f"{pointer}/value", "coerced", detail)
    return CustomField(key=setting.key, type="string", value=text, label=setting.label)


def _text_of(value: CustomFieldValue) -> str | None:
    if value is None or value in ("", []):
        return None  # Shopify has no empty metafield and no empty attribute
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _number(text: str) -> CustomFieldValue:
    if not text.isascii():
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _boolean(text: str) -> CustomFieldValue:
    return {"true": True, "false": False}.get(text)


def _date(text: str) -> CustomFieldValue:
    return text if _is_date(text) else None


def _moment(text: str) -> CustomFieldValue:
    try:
        moment = values.utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _choices(text: str) -> CustomFieldValue:
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.MsgspecError, RecursionError):
        return None


def _as_is(text: str) -> CustomFieldValue:
    return text


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != len("2026-05-01"):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and len(value) > len("2026-05-01") and _moment(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_READ: Final[dict[CustomFieldType, Callable[[str], CustomFieldValue]]] = {
    "string": _as_is,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _moment,
    "enum": _as_is,
    "multi_enum": _choices,
}
_FITS: Final[dict[CustomFieldType, Callable[[Any], bool]]] = {
    "string": _is_text,
    "number": _is_number,
    "boolean": _is_boolean,
    "date": _is_date,
    "datetime": _is_moment,
    "enum": _is_text,
    "multi_enum": _is_list,
}


def _unknown_key(settings: tuple[CustomFieldSetting, ...]) -> str:
    if not settings:
        return "this connection has no custom fields configured for this"
    return f"no such custom field here; one of: {', '.join(setting.key for setting in settings)}"
