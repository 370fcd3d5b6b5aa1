"""Read and write custom fields that a vendor stores as members of a JSON object. The connection's configuration names
the fields and their types.

Numbers may be text, dates may have a time, choices are a string or a list of strings.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any, Final

import msgspec
from msgspec import Raw, UnsetType

from canonical.parts import CustomField, CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue, Loss
from mappings.kit import custom_fields
from mappings.spec import Notes

_decode = msgspec.json.Decoder().decode
EMPTY: Final = frozenset({b"null", b'""', b"[]"})


def read(
    title: str,
    settings: tuple[CustomFieldSetting, ...],
    stored: Mapping[str, Raw],
    loss: list[Loss],
    pointer: str = "/custom_fields",
) -> tuple[CustomField, ...]:
    """Return the configured fields with their values in the record. `title` is the vendor's display name.

    A value of another type than configured is returned as the vendor's own text, with a loss of kind `ambiguous`.
    """
    fields: list[CustomField] = []
    for setting in settings:
        key, kind = setting.key, setting.type
        raw = stored.get(setting.vendor_field)
        decoded = None if raw is None else _decode(raw)
        value = None if decoded is None else _READ[kind](decoded)
        if value is None and decoded is not None and (decoded != "" or kind == "string"):
            path = f"{pointer}/{len(fields)}/value"
            detail = f"{title}'s value is not {custom_fields.EXPECTED[kind]}; its text is returned unchanged"
            loss.append(Loss(path=path, kind="ambiguous", detail=detail))
            value = decoded if isinstance(decoded, str) else msgspec.json.encode(decoded).decode()
        fields.append(CustomField(key=key, type=kind, value=value, label=setting.label))
    return tuple(fields)


def write(
    patch: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    stored: Mapping[str, Raw] | None,
    notes: Notes,
    pointer: str = "/custom_fields",
) -> Iterator[tuple[str, CustomFieldValue]]:
    """Yield the vendor fields to set, with their values. A patch replaces the whole array: a configured field that it
    omits is cleared if the record has a value. `stored` are the values of the record, None for a new one. Unchanged
    fields are not sent. Unknown keys and wrong types are refused as invalid. An absent array sets nothing."""
    if isinstance(patch, UnsetType):
        return
    same = custom_fields.unchanged(patch, () if stored is None else read("", settings, stored, []))
    named = set(same)
    for _, setting, value in custom_fields.named(patch, settings, notes, pointer, same):
        named.add(setting.key)
        yield setting.vendor_field, _emptied(setting) if value is None else value
    for setting in settings:
        kept = bytes(stored.get(setting.vendor_field, b"null")) if stored is not None else b"null"
        if setting.key not in named and kept not in EMPTY:
            yield setting.vendor_field, _emptied(setting)


def _text(value: Any) -> CustomFieldValue:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any) -> CustomFieldValue:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.isascii():
        return None
    if value.lstrip("-").isdecimal():
        with suppress(ValueError):
            return int(value)
    try:
        parsed = float(value)
    except ValueError:
        return None
    return parsed if isfinite(parsed) else None


def _boolean(value: Any) -> CustomFieldValue:
    return value if isinstance(value, bool) else None


def _date(value: Any) -> CustomFieldValue:
    return custom_fields.day(value[: custom_fields.DAY_LENGTH]) if isinstance(value, str) else None


def _datetime(value: Any) -> CustomFieldValue:
    return custom_fields.moment(value) if isinstance(value, str) else None


def _choice(value: Any) -> CustomFieldValue:
    return value if isinstance(value, str) else None


def _choices(value: Any) -> CustomFieldValue:
    return value if custom_fields.fits("multi_enum", value) else None


_READ: Final[dict[CustomFieldType, Callable[[Any], CustomFieldValue]]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "enum": _choice,
    "multi_enum": _choices,
}


def _emptied(setting: CustomFieldSetting) -> CustomFieldValue:
    return [] if setting.type == "multi_enum" else None
