"""Read and write custom fields. The connection configures their meta keys and types.

Meta is JSON of any type on the wire and mostly text in the shop: WordPress keeps true as "1" and 5 as "5", and plugins
write "yes" and "no". Lists stay lists. A null removes a key.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from canonical import values
from canonical.order_patch import LineItemPatch
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue, Loss
from mappings.kit import custom_fields, line_fields
from mappings.spec import Notes
from mappings.woocommerce.field_values import escaped
from mappings.woocommerce.wire_v3 import EXTERNAL_ID, OURS, Meta, MetaWrite

TRUE: Final = frozenset(("yes", "1", "true", "on"))
FALSE: Final = frozenset(("no", "0", "false", "off", ""))
_decode = msgspec.json.Decoder().decode


def read(
    meta: tuple[Meta, ...], settings: tuple[CustomFieldSetting, ...], loss: list[Loss], pointer: str = "/custom_fields"
) -> tuple[CustomField, ...]:
    """Return all configured fields, null if the record has no value. A value of another type than
    configured is returned unchanged and noted as `ambiguous`."""
    stored = {one.key: one.value for one in reversed(meta)}
    fields: list[CustomField] = []
    for place, setting in enumerate(settings):
        raw = stored.get(setting.vendor_field)
        decoded = None if raw is None else _decode(raw)
        value: CustomFieldValue = None
        if decoded is not None and (decoded not in ("", []) or (setting.type == "boolean" and decoded == "")):
            value = _read(decoded, setting.type)
            if value is None:
                value = decoded if isinstance(decoded, str) else msgspec.json.encode(decoded).decode()
                detail = f"{setting.vendor_field} is not {custom_fields.EXPECTED[setting.type]}"
                path = f"{pointer}/{place}/value"
                loss.append(Loss(path=path, kind="ambiguous", detail=f"{detail}; it is returned unchanged"))
        fields.append(CustomField(key=setting.key, type=setting.type, value=value, label=setting.label))
    return tuple(fields)


def write(
    key: Any, patch: Any, settings: tuple[CustomFieldSetting, ...], stored: tuple[Meta, ...] | None, notes: Notes
) -> tuple[MetaWrite, ...]:
    """Return the meta to set and remove: the caller's key, and the custom fields, which are replaced as a whole.
    `stored` is the current meta, None on a create, which has nothing to remove."""
    present = frozenset(one.key for one in stored or ())
    written: dict[str, Any] = {}
    if isinstance(key, str):
        if key != key.strip():
            notes.invalid("/external_id", "remove the spaces around the key")
        written[EXTERNAL_ID] = key
    elif key is None and EXTERNAL_ID in present:
        written[EXTERNAL_ID] = None
    if patch is None or isinstance(patch, tuple):
        same = custom_fields.unchanged(patch, read(stored or (), settings, []))
        written |= _written(patch, settings, present, same, notes)
    return tuple(MetaWrite(key=name, value=value) for name, value in written.items())


def write_line(
    line: LineItemPatch, settings: tuple[CustomFieldSetting, ...], pointer: str, notes: Notes
) -> tuple[MetaWrite, ...]:
    """Return the meta of a new line: its options and custom fields, which win over options of the same name."""
    named = custom_fields.named(line.custom_fields, settings, notes, f"{pointer}/custom_fields")
    fields = {
        setting.vendor_field: _text_form(value, setting.type)
        for _, setting, value in named
        if value not in (None, "", [])
    }
    options = line_fields.options_by_name(line.options, OURS, "WooCommerce", pointer, notes, fields)
    written = {escaped(name): escaped(value) for name, value in options.items()} | fields
    return tuple(MetaWrite(key=name, value=value) for name, value in written.items())


def _written(
    patch: tuple[CustomFieldPatch, ...] | None,
    settings: tuple[CustomFieldSetting, ...],
    present: frozenset[str],
    same: frozenset[str],
    notes: Notes,
) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        one.vendor_field: None for one in settings if one.vendor_field in present and one.key not in same
    }
    for place, setting, value in custom_fields.named(patch, settings, notes, same=same):
        if setting.vendor_field in OURS:
            notes.invalid(f"/custom_fields/{place}/key", f"{setting.vendor_field} is reserved for Lockstitch")
        elif value is None or value in ("", []):
            if setting.vendor_field in present:
                written[setting.vendor_field] = None
        else:
            written[setting.vendor_field] = _text_form(value, setting.type)
    return written


def _read(value: Any, kind: CustomFieldType) -> CustomFieldValue:
    """Return the value in the configured JSON type, None if it has another type."""
    match kind:
        case "string" | "enum":
            return value if isinstance(value, str) else None
        case "number":
            return _number(value)
        case "boolean":
            return _boolean(value)
        case "multi_enum":
            return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None
        case "date":
            return custom_fields.day(value) if isinstance(value, str) else None
        case "datetime":
            return custom_fields.moment(value) if isinstance(value, str) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else value
    try:
        number = values.parse_decimal(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else None
    return True if text in TRUE else False if text in FALSE else None


def _text_form(value: Any, kind: CustomFieldType) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return values.decimal_string(Decimal(repr(value)))
    if kind == "datetime":
        return datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
