"""Custom fields: the properties that the configuration of a connection names."""

from datetime import datetime

from msgspec import UnsetType

from canonical import values
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting
from mappings.hubspot.field_values import iso, since_epoch
from mappings.hubspot.wire_v3 import CLEARED
from mappings.kit import custom_fields, text_custom_fields
from mappings.spec import Notes


def read_custom_fields(
    properties: dict[str, str | None], settings: tuple[CustomFieldSetting, ...], notes: Notes
) -> tuple[CustomField, ...]:
    """Return all configured fields; an empty one is null."""
    return text_custom_fields.read(properties, settings, notes, day=_day, moment=_moment)


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
        if text_custom_fields.splits(value):
            notes.invalid(
                f"/custom_fields/{place}/value", "HubSpot separates values with semicolons: a value cannot contain one"
            )
            continue
        text = CLEARED if value is None else text_custom_fields.text_of(value, setting.type, _moment)
        properties[setting.vendor_field] = text
    return properties


def _day(text: str) -> str:
    return _instant(text).date().isoformat()


def _moment(text: str) -> str:
    return iso(_instant(text))


def _instant(text: str) -> datetime:
    if text.removeprefix("-").isdecimal():
        return since_epoch(text)
    return values.utc(datetime.fromisoformat(text))
