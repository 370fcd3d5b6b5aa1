"""What a vendor's record says that we did not expect: held against the wire Struct that reads it.

A wire Struct names the members that we read and no others, so a vendor's record is full of members beside them. `look`
lists those, down to where our reading ends and no further, and what does not fit among those that we read; whoever
remembers which members there always were can tell what is new. `choices` lists the values that a mapping could only
read as `unknown`.

Paths are JSONPaths without places: `[*]` for any item of an array, `.*` for any member of a mapping, whose names are
data and not schema. So a path never holds what a person is called.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, inspect

JsonType = Literal["null", "boolean", "number", "string", "array", "object"]
MisfitKind = Literal["changed_type", "missing_field"]

SCHEMA_NAME: Final = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$:-]{0,79}")
MOST_MEMBERS: Final = 300
"""An object with more unread members than this is taken for a mapping: their names are data."""
UNKNOWN: Final = "unknown"
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_GOT: Final = re.compile(r"got `(\w+)`$")
UNNAMED: Final = "[...]"
"""A member of a mapping in msgspec's paths."""
_PLACE: Final = re.compile(r"\[\d+\]")


class Member(Struct, frozen=True, kw_only=True):
    """A member that no wire Struct reads, with the type of its value."""

    path: str
    type: JsonType
    value: Any


class Misfit(Struct, frozen=True, kw_only=True):
    """A member that we read, missing or of another type. `expected` and `found` are types in words."""

    path: str
    kind: MisfitKind
    expected: str
    found: str
    value: Any = None


class Choice(Struct, frozen=True, kw_only=True):
    """A vendor's value that the mapping has no word for. `path` is that of the canonical field, which is what reads
    `unknown`."""

    path: str
    value: Any


class Look(Struct, frozen=True, kw_only=True):
    """What one record says beside what was expected of it."""

    members: tuple[Member, ...]
    misfits: tuple[Misfit, ...]


@dataclass(slots=True)
class _Expected:
    """What a place of a record may hold. `types` None is anything. Of an object: its `members` by name, or the
    `values` of a mapping; of an array its `items`."""

    types: frozenset[str] | None = None
    members: dict[str, "_Expected"] | None = None
    required: tuple[str, ...] = ()
    values: "_Expected | None" = None
    items: "_Expected | None" = None

    @property
    def is_leaf(self) -> bool:
        return self.members is None and self.values is None and self.items is None

    @property
    def words(self) -> str:
        return "anything" if self.types is None else " or ".join(sorted(self.types))


NOTHING_READ: Final = _Expected(types=frozenset({"object"}), members={})


def look(record: Any, read_by: type[Any] | None) -> Look:
    """Hold a decoded record against the type that reads it; without one every member is unread."""
    members: dict[str, Member] = {}
    misfits: dict[str, Misfit] = {}
    _walk(record, NOTHING_READ if read_by is None else _expected(read_by), "$", members, misfits)
    return Look(members=tuple(members.values()), misfits=tuple(misfits.values()))


def choices(resource: Struct) -> tuple[Choice, ...]:
    """Every field of a canonical resource that reads `unknown` although the vendor sent something, once a path."""
    return tuple({choice.path: choice for choice in _choices(resource, "$")}.values())


def place_of(path: str, reason: str) -> str:
    """Where a reading failed, of `path` and `reason` as a mapping or msgspec gives them: of a member that is missing,
    where it belongs."""
    missing = _MISSING.match(reason)
    return path if missing is None else path + _step(missing[1])


def named_in(record: bytes | Raw, path: str, reason: str) -> str:
    """The path with the names of the members that msgspec writes as `[...]`: the first of each mapping below which
    something of the type stands that `reason` says it got. A reading stops at the first."""
    got = _GOT.search(reason)
    if got is None:
        return path
    steps = _STEP.findall(path.removeprefix("$"))
    found = _first(msgspec.json.decode(record), steps, _JSON_TYPES.get(got[1], got[1]))
    return path if found is None else f"${found}"


def _first(value: Any, steps: Sequence[tuple[str, str]], wanted: str) -> str | None:
    """Where the steps lead to a value of this type, with names in place of `[...]`; None where they do not."""
    if not steps:
        return "" if type_of(value) == wanted else None
    (name, index), *rest = steps
    if isinstance(value, list):
        if not index.isdecimal() or int(index) >= len(value):
            return None
        found = _first(value[int(index)], rest, wanted)
        return None if found is None else f"[{index}]{found}"
    if not isinstance(value, dict):
        return None
    for each in value if index else [name] if name in value else ():
        found = _first(value[each], rest, wanted)
        if found is not None:
            return _step(each) + found
    return None


def places_holding(record: Any, value: Any, path: str = "$") -> Iterator[str]:
    """Every place of a decoded record where this value stands."""
    if isinstance(record, dict):
        for name, member in record.items():
            yield from places_holding(member, value, path + _step(name))
    elif isinstance(record, list):
        for place, item in enumerate(record):
            yield from places_holding(item, value, f"{path}[{place}]")
    elif type(record) is type(value) and record == value:
        yield path


def misfit_of(path: str, reason: str, record: Any = None) -> Misfit:
    """What a failed reading says: `path` with places and `reason` as a mapping or msgspec gives them. The record, where
    it is at hand, has the value that did not fit."""
    folded = _fold(place_of(path, reason))
    if _MISSING.match(reason):
        return Misfit(path=folded, kind="missing_field", expected="a value", found="nothing")
    value = value_at(record, path)
    if not reason.startswith("Expected "):  # what was found, in words; a value that it quotes is left out
        found = reason.partition("'")[0].strip()
        return Misfit(path=folded, kind="changed_type", expected="a readable value", found=found, value=value)
    expected, _, found = reason.removeprefix("Expected ").replace("`", "").partition(", got ")
    return Misfit(path=folded, kind="changed_type", expected=expected, found=found or type_of(value), value=value)


def type_of(value: Any) -> JsonType:
    """The JSON type of a decoded value."""
    return _TYPES[type(value)]


def value_at(record: Any, path: str) -> Any:
    """What stands at a path with places; None where nothing does, or where a place is not told."""
    found = record
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(found, dict):
            found = found.get(name)
        elif index.isdecimal() and isinstance(found, list) and int(index) < len(found):
            found = found[int(index)]
        else:
            return None
    return found


def _walk(value: Any, expected: _Expected, path: str, members: dict[str, Member], misfits: dict[str, Misfit]) -> None:
    if expected.types is not None:
        found = type_of(value)
        if found not in expected.types:
            misfit = Misfit(path=path, kind="changed_type", expected=expected.words, found=found, value=value)
            misfits.setdefault(path, misfit)
            return
    if isinstance(value, list):
        if expected.items is not None:
            for item in value:
                _walk(item, expected.items, f"{path}[*]", members, misfits)
    elif isinstance(value, dict):
        _walk_object(value, expected, path, members, misfits)


def _walk_object(
    value: dict[str, Any], expected: _Expected, path: str, members: dict[str, Member], misfits: dict[str, Misfit]
) -> None:
    if expected.values is not None:
        for inner in value.values():
            _walk(inner, expected.values, f"{path}.*", members, misfits)
    if expected.members is None:
        return
    for name in expected.required:
        if name not in value:
            where = path + _step(name)
            words = expected.members[name].words
            misfits.setdefault(where, Misfit(path=where, kind="missing_field", expected=words, found="nothing"))
    crowd = len(value) > MOST_MEMBERS + len(expected.members)
    for name, inner in value.items():
        read = expected.members.get(name)
        if read is None:
            where = path + (".*" if crowd else _step(name))
            if where not in members or members[where].value is None:
                members[where] = Member(path=where, type=type_of(inner), value=inner)
        elif read.types is None or _TYPES.get(type(inner)) not in read.types or not read.is_leaf:
            _walk(inner, read, path + _step(name), members, misfits)  # most members are plain, and fit


def _choices(value: Any, path: str) -> Iterator[Choice]:
    if isinstance(value, tuple):
        for item in value:
            yield from _choices(item, f"{path}[*]")
    elif isinstance(value, Struct):
        words, parts = _interesting(type(value))
        for name, raw_name in words:
            if getattr(value, name) == UNKNOWN:
                raw = getattr(value, raw_name)
                if raw is not None and raw is not UNSET and raw != "":
                    yield Choice(path=f"{path}.{name}", value=raw)
        for name in parts:
            inner = getattr(value, name)
            if inner is not None and inner != ():
                yield from _choices(inner, f"{path}.{name}")


@cache
def _interesting(model: type[Struct]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The fields of a canonical Struct that have a raw value beside them, and those that hold Structs."""
    names = model.__struct_fields__
    words = tuple((name, f"{name}_raw") for name in names if f"{name}_raw" in names)
    parts = tuple(field.name for field in inspect.type_info(model).fields if _holds_structs(field.type))  # type: ignore[attr-defined]
    return words, parts


def _holds_structs(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(_holds_structs(one) for one in kind.types)
    if isinstance(kind, inspect.VarTupleType):
        return _holds_structs(kind.item_type)
    return isinstance(kind, inspect.StructType)


@lru_cache(maxsize=4096)
def _step(name: str) -> str:
    return f".{name}" if SCHEMA_NAME.fullmatch(name) else ".*"


def _fold(path: str) -> str:
    """Names that no schema would have may be a person's; so they are folded here too."""
    steps = _STEP.findall(path.removeprefix("$"))
    return "$" + "".join(_step(name) if name else "[*]" if index.isdecimal() else ".*" for name, index in steps)


# As msgspec calls them.
_JSON_TYPES: Final = {"int": "number", "float": "number", "str": "string", "bool": "boolean"}
_TYPES: Final[dict[type[Any], JsonType]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_known: dict[type[Any], _Expected] = {}


def _expected(read_by: type[Any]) -> _Expected:
    found = _known.get(read_by)
    if found is None:
        found = _known[read_by] = _of(inspect.type_info(read_by), {})
    return found


def _of(kind: inspect.Type, begun: dict[type[Any], _Expected]) -> _Expected:
    """`begun` are the Structs that are being looked into, for those that hold themselves."""
    if isinstance(kind, inspect.Metadata):
        return _of(kind.type, begun)
    if isinstance(kind, inspect.UnionType):
        return _any_of([_of(each, begun) for each in kind.types])
    if isinstance(kind, inspect.StructType):
        if kind.cls in begun:
            return begun[kind.cls]
        members: dict[str, _Expected] = {}
        required = tuple(field.encode_name for field in kind.fields if field.required)
        begun[kind.cls] = made = _Expected(types=frozenset({"object"}), members=members, required=required)
        members.update({field.encode_name: _of(field.type, begun) for field in kind.fields})
        if isinstance(kind.tag_field, str):
            members[kind.tag_field] = _Expected()
        return made
    if isinstance(kind, inspect.DictType):
        return _Expected(types=frozenset({"object"}), values=_of(kind.value_type, begun))
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        return _Expected(types=frozenset({"array"}), items=_of(kind.item_type, begun))
    if isinstance(kind, inspect.LiteralType):
        return _Expected(types=frozenset(type_of(value) for value in kind.values))
    return _Expected(types=_SCALARS.get(type(kind)))


def _any_of(options: list[_Expected]) -> _Expected:
    """A place that may hold several things; msgspec allows of each form one, but for Structs told apart by a tag."""
    members = [one.members for one in options if one.members is not None]
    shared = set.intersection(*(set(one.required) for one in options if one.members is not None)) if members else set()
    return _Expected(
        types=None
        if any(one.types is None for one in options)
        else frozenset().union(*(one.types for one in options if one.types is not None)),
        # The very same members where there is one Struct: it may still be looked into.
        members=members[0]
        if len(members) == 1
        else ({name: read for one in members for name, read in one.items()} or None),
        required=tuple(sorted(shared)),
        values=next((one.values for one in options if one.values is not None), None),
        items=next((one.items for one in options if one.items is not None), None),
    )


_TEXT: Final = frozenset({"string"})
_SCALARS: Final[dict[type[inspect.Type], frozenset[str]]] = {
    inspect.NoneType: frozenset({"null"}),
    inspect.BoolType: frozenset({"boolean"}),
    inspect.IntType: frozenset({"number"}),
    inspect.FloatType: frozenset({"number"}),
    inspect.DecimalType: frozenset({"number", "string"}),
    inspect.StrType: _TEXT,
    inspect.BytesType: _TEXT,
    inspect.DateType: _TEXT,
    inspect.TimeType: _TEXT,
    inspect.DateTimeType: _TEXT,
    inspect.UUIDType: _TEXT,
    inspect.EnumType: frozenset({"string", "number"}),
}
"""Anything that is not named, such as Raw, may hold whatever it likes; what is below it is not looked at."""
