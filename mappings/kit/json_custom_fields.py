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
    held: Mapping[str, Raw],
    loss: list[Loss],
    pointer: str = "/custom_fields",
) -> tuple[CustomField, ...]:
    """Return the configured fields with their values in the record. `title` is the vendor's display name.

    A value of another type than configured is returned as the vendor's own text, with a loss of kind `ambiguous`.
    """
    fields: list[CustomField] = []
    for setting in settings:
        key, kind = setting.key, setting.type
        raw = held.get(setting.vendor_field)
        found = None if raw is None else _decode(raw)
        value = None if found is None else _READ[kind](found)
        if value is None and found is not None and (found != "" or kind == "string"):
            path = f"{pointer}/{len(fields)}/value"
            detail = f"{title}'s value is not {custom_fields.EXPECTED[kind]}; its text is returned unchanged"
            loss.append(Loss(path=path, kind="ambiguous", detail=detail))
            value = found if isinstance(found, str) else msgspec.json.encode(found).decode()
        fields.append(CustomField(key=key, type=kind, value=value, label=setting.label))
    return tuple(fields)


def write(
    patch: tuple[CustomFieldPatch, ...] | None | UnsetType,
    settings: tuple[CustomFieldSetting, ...],
    held: Mapping[str, Raw] | None,
    notes: Notes,
    pointer: str = "/custom_fields",
) -> Iterator[tuple[str, CustomFieldValue]]:
    """Yield the vendor fields to set, with their values. A patch replaces the whole array: a configured field that it
    omits is cleared if the record (`held`, None for a new one) has a value. Unchanged fields are not sent. Unknown keys
    and wrong types are refused as invalid. An absent array sets nothing."""
    if isinstance(patch, UnsetType):
        return
    same = custom_fields.unchanged(patch, () if held is None else read("", settings, held, []))
    named = set(same)
    for _, setting, value in custom_fields.named(patch, settings, notes, pointer, same):
        named.add(setting.key)
        yield setting.vendor_field, _emptied(setting) if value is None else value
    for setting in settings:
        kept = bytes(held.get(setting.vendor_field, b"null")) if held is not None else b"null"
        if setting.key not in named and kept not in EMPTY:
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
    return custom_fields.day(found[: custom_fields.DAY_LENGTH]) if isinstance(found, str) else None


def _datetime(found: Any) -> CustomFieldValue:
    return custom_fields.moment(found) if isinstance(found, str) else None


def _choice(found: Any) -> CustomFieldValue:
    return found if isinstance(found, str) else None


def _choices(found: Any) -> CustomFieldValue:
    return found if custom_fields.fits("multi_enum", found) else None


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
