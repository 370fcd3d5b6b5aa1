"""The shape of a wire Struct as plain data: members, types, defaults and constraints, without descriptions.

JSON Schema would do, except that it cannot express defaults that are raw JSON bytes.
"""

from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.inspect import StructType, type_info


def shape_of(struct: type[Struct]) -> Any:
    """Return the shape of a Struct. Two Structs with the same shape decode the same JSON to the same values."""
    return _plain(_type_info(struct), frozenset())


def structs_in(struct: type[Struct]) -> frozenset[type[Struct]]:
    """Return the Struct and all Structs nested in it."""
    structs: set[type[Struct]] = set()
    _collect(_type_info(struct), structs)
    return frozenset(structs)


def _type_info(hint: Any) -> Any:
    """Return msgspec's type information. msgspec has none for a union of untagged Structs, which it can only encode:
    return that of each part instead."""
    try:
        return type_info(hint)
    except TypeError:
        if isinstance(hint, type) and issubclass(hint, Struct):
            members = msgspec.structs.fields(hint)
            return hint, *((one.encode_name, _type_info(one.type), one.default, one.default_factory) for one in members)
        if not get_args(hint):
            raise
        return str(get_origin(hint)), *(_type_info(part) for part in get_args(hint) if part is not ...)


def _collect(value: Any, structs: set[type[Struct]]) -> None:
    if isinstance(value, StructType):
        if value.cls in structs:
            return
        structs.add(value.cls)
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _collect(getattr(value, name), structs)
    elif isinstance(value, tuple):
        for one in value:
            _collect(one, structs)
    elif isinstance(value, type) and issubclass(value, Struct):
        structs.add(value)


def _plain(value: Any, inside: frozenset[str]) -> Any:
    if isinstance(value, StructType):
        return _struct(value, inside)
    if isinstance(value, Struct):
        members = {name: _plain(getattr(value, name), inside) for name in value.__struct_fields__}
        return {"is": type(value).__name__, **members}
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, tuple | list | set | frozenset):
        items = [_plain(one, inside) for one in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    if isinstance(value, dict):
        return {str(key): _plain(one, inside) for key, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return value.__qualname__ if isinstance(value, type | Callable) else repr(value)


def _struct(value: StructType, inside: frozenset[str]) -> Any:
    name = value.cls.__qualname__
    if name in inside:
        return {"is": name}
    members = {field: _plain(getattr(value, field), inside | {name}) for field in value.__struct_fields__}
    return {**members, "is": name}
