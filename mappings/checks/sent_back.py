"""Write values in the form in which they were read."""

from functools import cache
from typing import Any

import msgspec
from msgspec.inspect import ListType, StructType, Type, UnionType, VarTupleType, type_info

from mappings.registry import AnyMapping


def patch_of(mapping: AnyMapping, name: str, value: Any) -> Any:
    """Return a patch that writes one field as it was read. None if the field is not written in the form it is read."""
    try:
        return msgspec.convert({name: _fitting(value, members_of(mapping)[name])}, mapping.patch)
    except msgspec.ValidationError:
        return None


def members_of(mapping: AnyMapping) -> dict[str, Type]:
    """Return the type of each field of a patch, by its name in JSON."""
    patch: Any = mapping.patch
    return _members_of(patch)


@cache
def _members_of(patch: Any) -> dict[str, Type]:
    return {one.encode_name: one.type for one in _fields(type_info(patch))}


def _fitting(value: Any, kind: Type) -> Any:
    """Return the value without its read-only members."""
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
