"""What a wire Struct takes, as plain data: members, types, defaults and constraints, without a word of description.

JSON Schema would say the same but for defaults that are bytes of JSON, which it cannot tell.
"""

from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.inspect import StructType, type_info


def shape_of(struct: type[Struct]) -> Any:
    """The Struct with all that it holds. Two with the same shape take the same JSON and fill what is absent alike."""
    return _told(_known(struct), frozenset())


def structs_in(struct: type[Struct]) -> frozenset[type[Struct]]:
    """The Struct and every one that it holds, however deep."""
    found: set[type[Struct]] = set()
    _collect(_known(struct), found)
    return frozenset(found)


def _known(hint: Any) -> Any:
    """What msgspec knows of a type. A choice of Structs that it can write, and could not tell apart if it had to read
    them, is told part by part."""
    try:
        return type_info(hint)
    except TypeError:
        if isinstance(hint, type) and issubclass(hint, Struct):
            members = msgspec.structs.fields(hint)
            return hint, *((one.encode_name, _known(one.type), one.default, one.default_factory) for one in members)
        if not get_args(hint):
            raise
        return str(get_origin(hint)), *(_known(part) for part in get_args(hint) if part is not ...)


def _collect(value: Any, found: set[type[Struct]]) -> None:
    if isinstance(value, StructType):
        if value.cls in found:
            return
        found.add(value.cls)
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _collect(getattr(value, name), found)
    elif isinstance(value, tuple):
        for one in value:
            _collect(one, found)
    elif isinstance(value, type) and issubclass(value, Struct):
        found.add(value)


def _told(value: Any, inside: frozenset[str]) -> Any:
    if isinstance(value, StructType):
        return _struct(value, inside)
    if isinstance(value, Struct):
        members = {name: _told(getattr(value, name), inside) for name in value.__struct_fields__}
        return {"is": type(value).__name__, **members}
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, tuple | list | set | frozenset):
        told = [_told(one, inside) for one in value]
        return sorted(told, key=str) if isinstance(value, set | frozenset) else told
    if isinstance(value, dict):
        return {str(key): _told(one, inside) for key, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return value.__qualname__ if isinstance(value, type | Callable) else repr(value)


def _struct(value: StructType, inside: frozenset[str]) -> Any:
    name = value.cls.__qualname__
    if name in inside:
        return {"is": name}
    members = {field: _told(getattr(value, field), inside | {name}) for field in value.__struct_fields__}
    return {**members, "is": name}
