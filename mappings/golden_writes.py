"""What a revision sends when the golden records' own values are written back, field by field.

Reading is held by what golden records mean. This holds writing, of which they would else say nothing: tables and
spellings that stand in modules without a revision in their name decide what is sent.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.inspect import ListType, StructType, Type, UnionType, VarTupleType, type_info

from mappings.checks.golden import account_of, cases, records
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Draft, Unmappable

NOTHING: tuple[Any, ...] = (None, [], {}, "")


def drafts(vendor: AnyVendor, mapping: AnyMapping, root: Path) -> Iterator[tuple[str, bytes]]:
    """By case and field, such as `customer-full/first_name`, the drafts of a write of this one value: of a new record,
    and of the golden one. A draft is told by its body, and by the places of its losses and refusals, not their words.

    Raises Unmappable for account facts that cannot be read.
    """
    account = account_of(vendor, root)
    held = dict(records(vendor, mapping, root))
    members = _members(mapping)
    for case in cases(vendor, root):
        if (case.object, case.revision) != (mapping.object, mapping.revision):
            continue
        for name, value in _data(case.expected).items():
            if name not in members or value in NOTHING:
                continue
            patch = patch_of(mapping, name, value)
            if patch is not None:
                told = [_told(mapping, patch, record, account) for record in (None, held.get(case.name))]
                yield f"{case.name.partition('.r')[0]}/{name}", msgspec.json.encode(told, order="sorted")


def patch_of(mapping: AnyMapping, name: str, value: Any) -> Any:
    """A write of one field with a value as it is read; None where what is read is not written in this form."""
    try:
        return msgspec.convert({name: _fitting(value, _members(mapping)[name])}, mapping.patch)
    except msgspec.ValidationError:
        return None


def _members(mapping: AnyMapping) -> dict[str, Type]:
    return {one.encode_name: one.type for one in _fields(type_info(mapping.patch))}


def _data(expected: Raw) -> dict[str, Any]:
    """The resource of a case; of several the first."""
    meant = msgspec.json.decode(expected)
    found: dict[str, Any] = (meant[0] if isinstance(meant, list) else meant)["data"]
    return found


def _told(mapping: AnyMapping, patch: Any, record: Raw | None, account: Any) -> Any:
    try:
        current = None if record is None else mapping.decode(record)
        # Without what leaves unchanged fields out, for these are none but unchanged.
        draft: Draft[Any] = inspect.unwrap(mapping.to_vendor)(patch, current, account)
    except Unmappable as refusal:
        return refusal.path
    return {
        "body": draft.body,
        "loss": sorted([one.path, one.kind] for one in draft.loss),
        "refused": sorted([one.pointer, one.kind] for one in draft.refused),
    }


def _fitting(value: Any, kind: Type) -> Any:
    """The value without the members that are only read."""
    if isinstance(value, list):
        item = next((one.item_type for one in _forms(kind) if isinstance(one, ListType | VarTupleType)), None)
        return value if item is None else [_fitting(one, item) for one in value]
    if isinstance(value, dict):
        members = {one.encode_name: one.type for form in _forms(kind) for one in _fields(form)}
        return {name: _fitting(one, members[name]) for name, one in value.items() if name in members}
    return value


def _forms(kind: Type) -> tuple[Type, ...]:
    return kind.types if isinstance(kind, UnionType) else (kind,)


def _fields(kind: Type) -> tuple[msgspec.inspect.Field, ...]:
    return kind.fields if isinstance(kind, StructType) else ()
