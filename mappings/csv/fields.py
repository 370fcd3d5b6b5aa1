"""Find fields of the canonical model, and their kind of value, by path: `emails[0].address`."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, UnsetType

from canonical.parts import Money, Quantity

Path = tuple[str | int, ...]
"""Member names and array indexes: `("emails", 0, "address")`."""

FieldKind = Literal["text", "enum", "instant", "amount", "quantity", "whole", "boolean"]

CUSTOM: Final = "custom_fields"
# Set by Lockstitch.
OURS: Final = frozenset({"id", "connection", "meta", "status_category"})
_STEP: Final = re.compile(r"([a-z][a-z0-9_]*)(?:\[([0-9]{1,2})\])?")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class NoSuchField(Exception):
    """No column can fill the path. The message gives the reason."""


class Field(Struct, frozen=True, kw_only=True):
    """A field that holds one value. `words` are the values of an enum. `has_raw` means that it has a `_raw` field.
    `owners` are the Structs along the path, each with its own path."""

    path: Path
    kind: FieldKind
    words: tuple[str, ...] = ()
    has_raw: bool = False
    owners: tuple[tuple[Path, type[Struct]], ...] = ()


def find_field(model: type[Struct], text: str) -> Field:
    """Return the field at a path. Raises NoSuchField."""
    if text.startswith(f"{CUSTOM}."):
        return _custom(text)
    path: list[str | int] = []
    owners: list[tuple[Path, type[Struct]]] = []
    kind: Any = model
    for step in text.split("."):
        match = _STEP.fullmatch(step)
        if match is None or not _is_struct(kind):
            raise NoSuchField(f"{text!r} is not a path such as emails[0].address")
        members = get_type_hints(kind, include_extras=True)
        if match[1] not in members or match[1] in OURS or (kind is model and match[1] in (CUSTOM, "raw")):
            offered = ", ".join(name for name in members if name not in OURS)
            raise NoSuchField(f"{text!r}: {kind.__name__} has no field {match[1]} to fill; one of: {offered}")
        owners.append((tuple(path), kind))
        path.append(match[1])
        kind, is_list = _inner(members[match[1]])
        if is_list != (match[2] is not None):
            reason = f"is a list: name an item, such as {match[1]}[0]" if is_list else "is not a list"
            raise NoSuchField(f"{text!r}: {match[1]} {reason}")
        if is_list:
            path.append(int(match[2]))
    if _is_struct(kind):
        inner = next(iter(get_type_hints(kind)))
        raise NoSuchField(f"{text!r} has parts: name one, such as {text}.{inner}")
    return _leaf(tuple(path), kind, tuple(owners), text)


def path_text(path: Path) -> str:
    """Return a path as text."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def missing_fields(model: type[Struct], filled: dict[Path, Field], derived: frozenset[str]) -> list[str]:
    """Return the required fields that no column fills, including those of partly filled parts."""
    owners: dict[Path, type[Struct]] = {(): model}
    for field in filled.values():
        owners |= dict(field.owners)
    return [
        path_text((*where, member.name))
        for where, owner in owners.items()
        for member in msgspec.structs.fields(owner)
        if member.required
        and path_text((*where, member.name)) not in derived
        and not any(path[: len(where) + 1] == (*where, member.name) for path in filled)
    ]


def _custom(text: str) -> Field:
    key = text.partition(".")[2]
    if _KEY.fullmatch(key) is None:
        raise NoSuchField(f"{text!r}: the key of a custom field has 1 to 100 characters of A-Z a-z 0-9 . _ -")
    return Field(path=(CUSTOM, key), kind="text")


def _leaf(path: Path, kind: Any, owners: tuple[tuple[Path, type[Struct]], ...], text: str) -> Field:
    has_raw = f"{path[-1]}_raw" in get_type_hints(owners[-1][1])
    if get_origin(kind) is Literal:
        return Field(path=path, kind="enum", words=get_args(kind), has_raw=has_raw, owners=owners)
    exact: dict[Any, FieldKind] = {Money: "amount", Quantity: "quantity"}
    if kind in exact:
        return Field(path=path, kind=exact[kind], owners=owners)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    plain: dict[Any, FieldKind] = {str: "text", datetime: "instant", bool: "boolean", int: "whole"}
    if kind not in plain:
        raise NoSuchField(f"{text!r} cannot be filled from one cell")
    return Field(path=path, kind=plain[kind], has_raw=has_raw, owners=owners)


def _inner(kind: Any) -> tuple[Any, bool]:
    """Return the type without null and UNSET, and whether it is an array; of an array the type of its elements."""
    if get_origin(kind) not in (Annotated, Literal, tuple) and get_args(kind):
        options = [one for one in get_args(kind) if one not in (type(None), UnsetType)]
        kind = options[0] if len(options) == 1 else kind
    if get_origin(kind) is tuple:
        return get_args(kind)[0], True
    return kind, False


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
