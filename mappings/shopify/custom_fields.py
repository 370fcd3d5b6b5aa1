"""Read and write custom fields. Shopify keeps them as text in three places, chosen by the configured `vendor_field`.

`namespace.key` is a metafield, `line:name` a property of order lines, any other name an attribute of an order.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.kit import custom_fields
from mappings.spec import Notes

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
"""The type of a new metafield without a definition."""


def read(
    settings: tuple[CustomFieldSetting, ...], stored: Mapping[str, str | None], notes: Notes, pointer: str
) -> tuple[CustomField, ...]:
    """Return the configured fields with their values in `stored`, by vendor field.

    A value of another type than configured becomes a field of type `string` with Shopify's text, noted as `coerced`.
    """
    return tuple(_read_one(setting, stored, notes, f"{pointer}/{place}") for place, setting in enumerate(settings))


def named(
    patch: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    pointer: str,
    stored: Mapping[str, str | None] = {},
) -> dict[CustomFieldSetting, str | None | UnsetType] | None:
    """Return the custom fields of a patch as Shopify's text: None clears a field, UNSET leaves one that the record
    (`stored`) already has. Return None if the patch has no custom fields. Refuse unknown keys and wrong types."""
    if isinstance(patch, UnsetType):
        return None
    same = custom_fields.unchanged(patch, read(settings, stored, Notes(), pointer))
    kept: dict[CustomFieldSetting, str | None | UnsetType] = {one: UNSET for one in settings if one.key in same}
    changed = custom_fields.named(patch, settings, notes, pointer, same)
    return kept | {setting: _text_of(value) for _, setting, value in changed}


def _read_one(setting: CustomFieldSetting, stored: Mapping[str, str | None], notes: Notes, pointer: str) -> CustomField:
    text = stored.get(setting.vendor_field)
    if text is None or (not text and setting.type != "string"):
        return CustomField(key=setting.key, type=setting.type, value=None, label=setting.label)
    value = _READ[setting.type](text)
    if value is not None:
        return CustomField(key=setting.key, type=setting.type, value=value, label=setting.label)
    detail = f"Shopify's value is not {custom_fields.EXPECTED[setting.type]}; its text is returned unchanged"
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


def _choices(text: str) -> CustomFieldValue:
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.MsgspecError, RecursionError):
        return None


def _as_is(text: str) -> CustomFieldValue:
    return text


_READ: Final[dict[CustomFieldType, Callable[[str], CustomFieldValue]]] = {
    "string": _as_is,
    "number": _number,
    "boolean": _boolean,
    "date": custom_fields.day,
    "datetime": custom_fields.moment,
    "enum": _as_is,
    "multi_enum": _choices,
}
