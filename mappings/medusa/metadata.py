"""Metadata: the caller's own key, the marker, and custom fields. A write adds keys, and "" removes one. A null would be
stored."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, UnsetType

from canonical.order_patch import LineItemPatch
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, Loss
from mappings.kit import json_custom_fields, line_fields
from mappings.medusa.wire_2_21 import EXTERNAL_ID, OURS, Metadata
from mappings.spec import Notes

TITLE: Final = "Medusa"
REMOVED: Final = ""
NOTHING: Final[Metadata] = {}
_decode: Final = msgspec.json.Decoder().decode


def text_of(stored: Mapping[str, Raw] | None, key: str) -> str | None:
    """Return the text of a key, None for a missing key or another type."""
    raw = None if stored is None else stored.get(key)
    text = None if raw is None else _decode(raw)
    return text if isinstance(text, str) and text else None


def external_id(stored: Metadata | None) -> str | None:
    """Return the caller's own key."""
    return None if stored is None or EXTERNAL_ID not in stored else text_of(stored, EXTERNAL_ID)


def read(
    stored: Metadata | None,
    settings: tuple[CustomFieldSetting, ...],
    loss: list[Loss],
    pointer: str = "/custom_fields",
) -> tuple[CustomField, ...]:
    """Return all configured fields, null for those without a value."""
    return json_custom_fields.read(TITLE, settings, stored or NOTHING, loss, pointer)


def write_line(
    line: LineItemPatch, settings: tuple[CustomFieldSetting, ...], pointer: str, notes: Notes
) -> dict[str, Any]:
    """Return the keys of a new line: its options and custom fields. A custom field wins over an option of its name."""
    named = json_custom_fields.write(line.custom_fields, settings, None, notes, f"{pointer}/custom_fields")
    fields = {name: value for name, value in named if value not in (None, [], "")}
    return line_fields.options_by_name(line.options, OURS, TITLE, pointer, notes, fields) | fields


def write(
    key: str | None | UnsetType,
    fields: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    stored: Metadata | None,
    notes: Notes,
    *,
    is_new: bool,
) -> dict[str, Any]:
    """Return the keys to set and to remove. The custom fields replace all that are configured; other keys stay."""
    keys: dict[str, Any] = {}
    if not isinstance(key, UnsetType) and not (is_new and key is None):
        keys[EXTERNAL_ID] = REMOVED if key is None else key
    if isinstance(fields, UnsetType):
        return keys
    values = None if is_new else stored or NOTHING
    for name, value in json_custom_fields.write(fields, settings, values, notes):
        if name in OURS:
            notes.invalid("/custom_fields", f"{name} is reserved for Lockstitch: configure another key")
        elif value not in (None, [], ""):
            keys[name] = value
        elif not is_new:
            keys[name] = REMOVED
    return keys
