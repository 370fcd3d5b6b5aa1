"""Custom fields both ways: which they are and of what type is the connection's configuration, not code.

Zendesk sends numbers as text on tickets, dates with or without a time, choices as their tags.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from math import isfinite
from typing import Any, Final

import msgspec
from msgspec import Raw

from canonical import values
from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue, Loss
from mappings.spec import Notes

_decode = msgspec.json.Decoder().decode
EMPTY: Final = frozenset({b"null", b'""', b"[]"})
EXPECTED: Final[dict[CustomFieldType, str]] = {
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-05-01",
    "datetime": "a time such as 2026-05-01T09:30:00Z",
    "enum": "the tag of one choice",
    "multi_enum": "a list of the choices' tags",
}


def read(
    settings: tuple[CustomFieldSetting, ...], held: Mapping[str, Raw], loss: list[Loss]
) -> tuple[CustomField, ...]:
    """The configured fields with what the record holds for them, by vendor field.

    A value of another type than configured stands as the vendor's own text and is noted as `ambiguous`.
    """
    fields: list[CustomField] = []
    for setting in settings:
        key, kind = setting.key, setting.type
        raw = held.get(setting.vendor_field)
        found = None if raw is None else _decode(raw)
        value = None if found is None else _READ[kind](found)
        if value is None and found is not None and (found != "" or kind == "string"):
            path = f"/custom_fields/{len(fields)}/value"
            detail = f"Zendesk holds something else than {EXPECTED[kind]}; its own text is given"
            loss.append(Loss(path=path, kind="ambiguous", detail=detail))
            value = found if isinstance(found, str) else msgspec.json.encode(found).decode()
        fields.append(CustomField(key=key, type=kind, value=value, label=setting.label))
    return tuple(fields)


def write(
    patch: tuple[CustomFieldPatch, ...] | None,
    settings: tuple[CustomFieldSetting, ...],
    held: Mapping[str, Raw] | None,
    notes: Notes,
) -> Iterator[tuple[str, CustomFieldValue]]:
    """The vendor fields to set. An array is replaced whole, so a configured field that it does not name is emptied
    where the record (`held`, None for a new one) has a value. Unknown keys and wrong types are noted as invalid."""
    known = {setting.key: setting for setting in settings}
    named: set[str] = set()
    for place, field in enumerate(patch or ()):
        setting = known.get(field.key)
        if setting is None:
            notes.invalid(f"/custom_fields/{place}/key", _unknown_key(settings))
            continue
        if setting.key in named:
            notes.invalid(f"/custom_fields/{place}/key", "this field is named twice")
            continue
        named.add(setting.key)
        if field.value is not None and not _FITS[setting.type](field.value):
            notes.invalid(f"/custom_fields/{place}/value", f"{EXPECTED[setting.type]} is expected")
            continue
        yield setting.vendor_field, _emptied(setting) if field.value is None else field.value
    for setting in settings:
        if (
            held is not None
            and setting.key not in named
            and bytes(held.get(setting.vendor_field, b"null")) not in EMPTY
        ):
            yield setting.vendor_field, _emptied(setting)


def _text(found: Any) -> CustomFieldValue:
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _number(found: Any) -> CustomFieldValue:
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    if not isinstance(found, str) or not found.isascii():
        return None
    if found.lstrip("-").isdecimal():
        with suppress(ValueError):
            return int(found)
    try:
        parsed = float(found)
    except ValueError:
        return None
    return parsed if isfinite(parsed) else None


def _boolean(found: Any) -> CustomFieldValue:
    return found if isinstance(found, bool) else None


def _date(found: Any) -> CustomFieldValue:
    day = found[:10] if isinstance(found, str) else None
    return day if _is_date(day) else None


def _datetime(found: Any) -> CustomFieldValue:
    if not isinstance(found, str):
        return None
    try:
        moment = values.utc(datetime.fromisoformat(found))
    except (ValueError, OverflowError):
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _choice(found: Any) -> CustomFieldValue:
    return found if isinstance(found, str) else None


def _choices(found: Any) -> CustomFieldValue:
    return found if _is_list_of_text(found) else None


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != len("2026-05-01"):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_datetime(value: Any) -> bool:
    return isinstance(value, str) and len(value) > len("2026-05-01") and _datetime(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_READ: Final[dict[CustomFieldType, Callable[[Any], CustomFieldValue]]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "enum": _choice,
    "multi_enum": _choices,
}
_FITS: Final[dict[CustomFieldType, Callable[[Any], bool]]] = {
    "string": _is_text,
    "number": _is_number,
    "boolean": _is_boolean,
    "date": _is_date,
    "datetime": _is_datetime,
    "enum": _is_text,
    "multi_enum": _is_list_of_text,
}


def _emptied(setting: CustomFieldSetting) -> CustomFieldValue:
    return [] if setting.type == "multi_enum" else None


def _unknown_key(settings: tuple[CustomFieldSetting, ...]) -> str:
    if not settings:
        return "this connection has no custom fields configured for this object"
    return f"no such custom field here; one of: {', '.join(setting.key for setting in settings)}"
