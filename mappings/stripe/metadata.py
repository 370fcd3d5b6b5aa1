"""Metadata: the caller's own key, the marker, and custom fields.

Metadata is text by key: at most 50 keys of 40 characters with values of 500 characters. An empty value removes the key
(https://docs.stripe.com/metadata).
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting
from mappings.kit import custom_fields, text_custom_fields
from mappings.spec import Notes
from mappings.stripe.wire_2026_10_28 import EXTERNAL_ID, OPERATION_ID
from mappings.stripe.wire_writes_2026_10_28 import Metadata

LONGEST: Final = 500
LONGEST_KEY: Final = 40
OURS: Final = frozenset({EXTERNAL_ID, OPERATION_ID})
SKU: Final = "sku"
SHIPS: Final = "lockstitch_requires_shipping"
TAXABLE: Final = "lockstitch_taxable"
OF_LINES: Final = OURS | {SKU, SHIPS, TAXABLE}
"""The keys of a line that are no options."""
_FLAGS: Final = {"true": True, "false": False}


def external_id(metadata: dict[str, str] | None) -> str | None:
    """Return the caller's own key."""
    return (metadata or {}).get(EXTERNAL_ID) or None


def flag(metadata: dict[str, str] | None, key: str) -> bool | None:
    """Return a flag of a line; None if it is not set."""
    return _FLAGS.get((metadata or {}).get(key, ""))


def read(
    metadata: dict[str, str] | None,
    settings: tuple[CustomFieldSetting, ...],
    notes: Notes,
    pointer: str = "/custom_fields",
) -> tuple[CustomField, ...]:
    """Return all configured fields, null for those without a value."""
    return text_custom_fields.read(metadata or {}, settings, notes, day=_day, moment=_moment, pointer=pointer)


def write(
    key: str | None | UnsetType,
    fields: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    stored: dict[str, str] | None,
    notes: Notes,
    pointer: str = "/custom_fields",
) -> Metadata | UnsetType:
    """Return the keys to set and to remove. `stored` is the present metadata, None on a create. The custom fields
    replace all that are configured; other keys stay."""
    metadata: Metadata = {}
    if isinstance(key, str):
        _put(metadata, EXTERNAL_ID, key, "/external_id", notes)
    elif key is None and stored is not None:
        metadata[EXTERNAL_ID] = None
    if not isinstance(fields, UnsetType):
        same = custom_fields.unchanged(fields, () if stored is None else read(stored, settings, Notes()))
        removed = [one.vendor_field for one in settings if one.vendor_field in (stored or {}) and one.key not in same]
        metadata |= dict.fromkeys(removed, None)
        for place, setting, value in custom_fields.named(fields, settings, notes, pointer, same=same):
            value_at = f"{pointer}/{place}/value"
            if setting.vendor_field in OURS:
                notes.invalid(f"{pointer}/{place}/key", f"{setting.vendor_field} is reserved for Lockstitch")
            elif value is None or value in ("", []):
                if stored is not None:
                    metadata[setting.vendor_field] = None
            elif text_custom_fields.splits(value):
                notes.invalid(value_at, "a choice must not contain a semicolon: it separates the choices at Stripe")
            else:
                text = text_custom_fields.text_of(value, setting.type, _moment)
                _put(metadata, setting.vendor_field, text, value_at, notes)
    return metadata or UNSET


def _put(metadata: Metadata, key: str, text: str, pointer: str, notes: Notes) -> None:
    if len(text) > LONGEST:
        notes.invalid(pointer, f"Stripe's metadata holds at most {LONGEST} characters")
        return
    metadata[key] = text


def _day(text: str) -> str:
    return _valid(custom_fields.day(text))


def _moment(text: str) -> str:
    return _valid(custom_fields.moment(text))


def _valid(text: str | None) -> str:
    if text is None:
        raise ValueError("no time")
    return text
