"""Recognise a change that changes nothing, so that nothing is sent to the vendor."""

import inspect
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from canonical.output_only import strip_output
from mappings.spec import Mapped, Unmappable, VendorMapping

ABSENT: Final = object()
EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


def changes_nothing(
    mapping: VendorMapping[Any, Any, Any, Any, Any],
    patch: Struct,
    body: Any,
    current: Any,
    account: Any,
    record: Mapped[Any] | None = None,
) -> bool:
    """Return whether a change, drafted as `body`, writes what the record (`current`) already has. `record` is the
    mapped record, if it was mapped already.

    It does if each member of the body is that of a change without any field, has the same value in the record, or is
    what the record's own values give. So a different form at the vendor, such as two lines of a street as one, is no
    change.
    """
    write = inspect.unwrap(mapping.to_vendor)  # `changes_only` would omit the record's own values
    left = _left(_left(body, write(mapping.patch(), current, account).body), current)
    if not left:
        return True
    try:
        record = record or mapping.to_canonical(current, account)
    except Unmappable:
        return False
    own = _own_values(mapping, patch, record)
    present = write(own, current, account)
    # A read-only value, such as a consent that was never requested, is drafted as another one, and a number field that
    # has a text as none.
    inexact = {one.path.split("/")[1] for one in present.loss if one.kind in ("coerced", "defaulted")}
    inexact |= {one.pointer.split("/")[1] for one in present.refused if one.kind == "invalid"}
    if inexact:
        present = write(replace(own, **dict.fromkeys(inexact, UNSET)), current, account)
    return not _left(left, present.body)


def _own_values(mapping: VendorMapping[Any, Any, Any, Any, Any], patch: Struct, record: Mapped[Any]) -> Struct:
    """Return the record's own values of the fields in the patch, without those that cannot be sent. Addresses that are
    cleared have none: a country that only `country_raw` shows cannot be sent, and is cleared."""
    data, values = _plain(record.data), dict[str, Any]()
    for name in patch.__struct_fields__:
        sent = getattr(patch, name)
        if sent is not UNSET and (sent or name != "addresses"):
            value, _ = strip_output({name: data[name]}, mapping.patch)
            with suppress(msgspec.ValidationError):
                values[name] = getattr(msgspec.convert(value, mapping.patch), name)
    own: Struct = mapping.patch(**values)
    return own


def _left(body: Any, other: Any) -> dict[str, Any]:
    """Return the members of a body that `other` lacks or has otherwise. A body may hold the members of the record in
    one of its own, such as `fields`."""
    mine, theirs = _plain(body), _plain(other)
    inner = {name: theirs for name, value in mine.items() if isinstance(value, dict) and name not in theirs}
    return _differing(mine, theirs | inner)


def _differing(body: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    left = {}
    for name, value in body.items():
        stored = other.get(name, ABSENT)
        if isinstance(value, dict) and isinstance(stored, dict):
            value = _differing(value, stored)
            if not value:
                continue
        elif value == stored or (value in EMPTY and stored in EMPTY):
            continue
        is_reordered = name == "tags" and isinstance(value, list) and isinstance(stored, list)
        if not is_reordered or sorted(value) != sorted(stored):
            left[name] = value
    return left


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain
