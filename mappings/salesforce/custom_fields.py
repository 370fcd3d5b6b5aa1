"""Custom fields, both ways. The configuration of a connection names them.

They are members of the record. Their values are taken from the reply and kept in the account by the record's id.
Salesforce sends numbers and booleans as JSON, and several choices as one text with semicolons. A record type is shown
by its name: its id differs between orgs.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, UnsetType

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue, Loss
from mappings.kit import custom_fields
from mappings.salesforce.field_values import kept_text
from mappings.salesforce.search import is_name
from mappings.salesforce.wire_v62 import Account
from mappings.spec import Notes

SEPARATOR: Final = ";"
"""Between the values of a multi-select picklist."""
RECORD_TYPE: Final = "RecordTypeId"
_decode = msgspec.json.Decoder().decode


def read(
    sobject: str, record_id: str, settings: tuple[CustomFieldSetting, ...], account: Account, loss: list[Loss]
) -> tuple[CustomField, ...]:
    """Return all configured fields; an empty one is null. A value of another type than configured is kept and reported
    as `ambiguous`. A field that the org lacks is reported as `dropped`, and so are all fields of a record that was read
    without its reply."""
    if not settings:
        return ()
    stored = account.custom_values.get(record_id)
    if stored is None:
        detail = "custom fields come from the API answer that contains the record, and there was none"
        loss.append(Loss(path="/custom_fields", kind="dropped", detail=detail))
        stored = {}
    fields: list[CustomField] = []
    for place, setting in enumerate(settings):
        path = f"/custom_fields/{place}/value"
        raw = stored.get(setting.vendor_field)
        decoded = None if raw is None else _decode(raw)
        value: CustomFieldValue = None
        if decoded is not None:
            value = _read(decoded, setting, sobject, account)
            if value is None:
                value = decoded if isinstance(decoded, str) else msgspec.json.encode(decoded).decode()
                detail = f"{setting.vendor_field} is not {custom_fields.EXPECTED[setting.type]}"
                loss.append(Loss(path=path, kind="ambiguous", detail=f"{detail}; it is returned unchanged"))
        elif not is_there(sobject, setting, account):
            detail = f"{sobject} has no field {setting.vendor_field} that the connection's user can see"
            loss.append(Loss(path=path, kind="dropped", detail=detail))
        fields.append(CustomField(key=setting.key, type=setting.type, value=value, label=setting.label))
    return tuple(fields)


def write(
    sobject: str,
    patch: tuple[CustomFieldPatch, ...] | UnsetType | None,
    settings: tuple[CustomFieldSetting, ...],
    stored: Mapping[str, Raw],
    account: Account,
    notes: Notes,
) -> dict[str, CustomFieldValue]:
    """Return the fields to write. The array replaces the fields: a configured field that it omits is emptied if the
    record (`stored`) has a value for it."""
    if isinstance(patch, UnsetType):
        return {}
    written: dict[str, CustomFieldValue] = {
        setting.vendor_field: _written(None, setting.type)
        for setting in settings
        if bytes(stored.get(setting.vendor_field, b"null")) not in (b"null", b"false")
    }
    for place, setting, value in custom_fields.named(patch, settings, notes):
        pointer = f"/custom_fields/{place}/value"
        if not is_there(sobject, setting, account):
            notes.unsupported(pointer, f"this org has no field {setting.vendor_field} on {sobject}")
        elif isinstance(value, list) and any(SEPARATOR in one for one in value):
            notes.invalid(pointer, "Salesforce separates values with semicolons: a value cannot contain one")
        elif setting.vendor_field == RECORD_TYPE and isinstance(value, str):
            written[RECORD_TYPE] = _record_type(value, account.record_types.get(sobject, {}), pointer, notes)
        else:
            text = kept_text(value, pointer, notes) if isinstance(value, str) else value
            written[setting.vendor_field] = _written(text, setting.type)
    return written


def is_there(sobject: str, setting: CustomFieldSetting, account: Account) -> bool:
    """Return whether the org has the field and the connection's user sees it."""
    return is_name(setting.vendor_field) and account.has(sobject, setting.vendor_field)


def _read(value: Any, setting: CustomFieldSetting, sobject: str, account: Account) -> CustomFieldValue:
    """Return the value in the configured type; None for a value of another type."""
    if setting.vendor_field == RECORD_TYPE and isinstance(value, str):
        return account.record_types.get(sobject, {}).get(value, value)
    match setting.type:
        case "string" | "enum":
            return value if isinstance(value, str) else None
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "multi_enum":
            return [one for one in value.split(SEPARATOR) if one] if isinstance(value, str) else None
        case "date":
            return custom_fields.day(value) if isinstance(value, str) else None
        case "datetime":
            return custom_fields.moment(value) if isinstance(value, str) else None


def _written(value: CustomFieldValue, kind: CustomFieldType) -> CustomFieldValue:
    if isinstance(value, list):
        return SEPARATOR.join(value) or None
    if value is None:
        return False if kind == "boolean" else None  # a checkbox is never empty
    if kind == "datetime" and isinstance(value, str):
        return custom_fields.moment(value)
    return value if value != "" else None


def _record_type(name: str, known: dict[str, str], pointer: str, notes: Notes) -> str | None:
    if name in known:
        return name  # it is an id
    for id, developer_name in known.items():
        if developer_name == name:
            return id
    notes.invalid(pointer, f"unknown record type; one of: {', '.join(known.values()) or 'none'}")
    return None
