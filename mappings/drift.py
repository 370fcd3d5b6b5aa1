"""Compare vendor records with the wire Structs that read them, to detect changes of the vendor's API.

A wire Struct names only the members that Lockstitch reads. `compare_shape` lists the unread members of a record and
the read members that do not fit. It does not descend into unread members. A caller that knows the earlier unread
members can find the new ones. `has_value` says which read members have a value: null, "" and absence are none.
`choices` lists the vendor's values that a mapping read as `unknown`.

Paths are JSONPaths without array positions: `[*]` for any item of an array, `.*` for any key of a dictionary that no
mapping reads. Such keys are data, so a path never holds personal data.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, inspect

JsonType = Literal["null", "boolean", "number", "string", "array", "object"]
MisfitKind = Literal["changed_type", "missing_field"]

SCHEMA_NAME: Final = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$:-]{0,79}")
MOST_MEMBERS: Final = 300
"""An object with more unread members counts as a dictionary: its keys are data."""
UNKNOWN: Final = "unknown"
NO_VALUE: Final = (None, "")
NAMED_BY: Final = "named_by"
"""The key in `Meta(extra=…)` of a dictionary's type: the Structs whose fields are the keys that a mapping reads."""
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_GOT: Final = re.compile(r"got `(\w+)`$")
UNNAMED: Final = "[...]"
"""A dictionary key in msgspec's paths."""


class Member(Struct, frozen=True, kw_only=True):
    """A member that no wire Struct reads, with the type of its value."""

    path: str
    type: JsonType
    value: Any


class Misfit(Struct, frozen=True, kw_only=True):
    """A read member that is missing or has another type. `expected` and `found` are type names."""

    path: str
    kind: MisfitKind
    expected: str
    found: str
    value: Any = None


class Choice(Struct, frozen=True, kw_only=True):
    """A vendor's value that a mapping read as `unknown`. `path` is that of the canonical field."""

    path: str
    value: Any


class ShapeDiff(Struct, frozen=True, kw_only=True):
    """How one record differs from its wire Struct: unread members and misfits. `has_value` is about the read members
    that may be empty, if the record has the object around them: whether one of that path has a value. It leaves out
    members that are UNSET by default: only some calls return them."""

    members: tuple[Member, ...]
    misfits: tuple[Misfit, ...]
    has_value: Mapping[str, bool] = {}


@dataclass(slots=True)
class _Expected:
    """The expected value at a path. `types` None allows any type. An object has `members` by name, or `values` if it is
    a dictionary; an array has `items`. `optional` are the read members that may be empty."""

    types: frozenset[str] | None = None
    members: dict[str, "_Expected"] | None = None
    required: tuple[str, ...] = ()
    optional: list[str] = field(default_factory=list)
    values: "_Expected | None" = None
    items: "_Expected | None" = None
    known_places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def places(self, path: str) -> list[tuple[str, str]]:
        """Return the optional members of an object at this path, with theirs."""
        known = self.known_places.get(path)
        if known is None:
            known = self.known_places[path] = [(name, path + _step(name)) for name in self.optional]
        return known

    @property
    def may_be_null(self) -> bool:
        return self.types is None or "null" in self.types

    def is_fitting_leaf(self, value: Any) -> bool:
        """Return whether there is nothing to look for in a value: most are scalars that fit."""
        if self.types is None or _TYPES.get(type(value)) not in self.types:
            return False
        return self.members is None and self.values is None and self.items is None

    @property
    def words(self) -> str:
        return "anything" if self.types is None else " or ".join(sorted(self.types))


@dataclass(slots=True)
class _Diff:
    """The parts of a ShapeDiff by path."""

    members: dict[str, Member] = field(default_factory=dict)
    misfits: dict[str, Misfit] = field(default_factory=dict)
    has_value: dict[str, bool] = field(default_factory=dict)


NOTHING_READ: Final = _Expected(types=frozenset({"object"}), members={})


def compare_shape(record: Any, read_by: type[Any] | None) -> ShapeDiff:
    """Compare a decoded record with the type that reads it. Without a type, every member is unread."""
    diff = _Diff()
    _walk(record, NOTHING_READ if read_by is None else _expected(read_by), "$", diff)
    return ShapeDiff(
        members=tuple(diff.members.values()), misfits=tuple(diff.misfits.values()), has_value=diff.has_value
    )


def choices(resource: Struct) -> tuple[Choice, ...]:
    """Return the fields of a canonical resource that are `unknown` although the vendor sent a value, one per path."""
    return tuple({choice.path: choice for choice in _choices(resource, "$")}.values())


def place_of(path: str, reason: str) -> str:
    """Return the path of the member that an error of a mapping or of msgspec is about, even a missing one."""
    missing = _MISSING.match(reason)
    return path if missing is None else path + _step(missing[1])


def named_in(record: bytes | Raw, path: str, reason: str) -> str:
    """Replace each `[...]` in msgspec's path by a key: the first that leads to a value of the type that `reason` names.
    Decoding stops at the first misfit."""
    got = _GOT.search(reason)
    if got is None:
        return path
    steps = _STEP.findall(path.removeprefix("$"))
    keyed = _first(msgspec.json.decode(record), steps, _JSON_TYPES.get(got[1], got[1]))
    return path if keyed is None else f"${keyed}"


def _first(value: Any, steps: Sequence[tuple[str, str]], wanted: str) -> str | None:
    """Return the path along the steps to a value of this type, with keys instead of `[...]`. None if there is none."""
    if not steps:
        return "" if type_of(value) == wanted else None
    (name, index), *rest = steps
    if isinstance(value, list):
        if not index.isdecimal() or int(index) >= len(value):
            return None
        below = _first(value[int(index)], rest, wanted)
        return None if below is None else f"[{index}]{below}"
    if not isinstance(value, dict):
        return None
    for each in value if index else [name] if name in value else ():
        below = _first(value[each], rest, wanted)
        if below is not None:
            return _step(each) + below
    return None


def places_holding(record: Any, value: Any, path: str = "$") -> Iterator[str]:
    """Yield every path of a decoded record that holds this value."""
    if isinstance(record, dict):
        for name, member in record.items():
            yield from places_holding(member, value, path + _step(name))
    elif isinstance(record, list):
        for place, item in enumerate(record):
            yield from places_holding(item, value, f"{path}[{place}]")
    elif type(record) is type(value) and record == value:
        yield path


def misfit_of(path: str, reason: str, record: Any = None) -> Misfit:
    """Return the misfit that an error describes: `path` with positions, and `reason`, of a mapping or of msgspec. Pass
    the record to include the value that did not fit."""
    folded = _fold(place_of(path, reason))
    if _MISSING.match(reason):
        return Misfit(path=folded, kind="missing_field", expected="a value", found="nothing")
    value = value_at(record, path)
    if not reason.startswith("Expected "):  # describes the value; drop any value that it quotes
        actual = reason.partition("'")[0].strip()
        return Misfit(path=folded, kind="changed_type", expected="a readable value", found=actual, value=value)
    expected, _, actual = reason.removeprefix("Expected ").replace("`", "").partition(", got ")
    words = " or ".join(sorted(_JSON_TYPES.get(one, one) for one in expected.split(" | ")))
    actual = _JSON_TYPES.get(actual, actual) or type_of(value)
    return Misfit(path=folded, kind="changed_type", expected=words, found=actual, value=value)


def type_of(value: Any) -> JsonType:
    """Return the JSON type of a decoded value."""
    return _TYPES[type(value)]


def value_at(record: Any, path: str) -> Any:
    """Return the value at a path with positions. None if there is none, or if the path leaves out a position."""
    inner = record
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(inner, dict):
            inner = inner.get(name)
        elif index.isdecimal() and isinstance(inner, list) and int(index) < len(inner):
            inner = inner[int(index)]
        else:
            return None
    return inner


def _walk(value: Any, expected: _Expected, path: str, diff: _Diff) -> None:
    if expected.types is not None:
        actual = type_of(value)
        if actual not in expected.types:
            misfit = Misfit(path=path, kind="changed_type", expected=expected.words, found=actual, value=value)
            diff.misfits.setdefault(path, misfit)
            return
    if isinstance(value, list):
        if expected.items is not None:
            for item in value:
                _walk(item, expected.items, f"{path}[*]", diff)
    elif isinstance(value, dict):
        _walk_object(value, expected, path, diff)


def _walk_object(value: dict[str, Any], expected: _Expected, path: str, diff: _Diff) -> None:
    has_value = diff.has_value
    for name, where in expected.places(path):
        if value.get(name) not in NO_VALUE:
            has_value[where] = True
        elif where not in has_value:
            has_value[where] = False
    if expected.values is not None:
        for name, inner in value.items():
            if not expected.values.is_fitting_leaf(inner):
                _walk(inner, expected.values, path + (_step(name) if name in expected.optional else ".*"), diff)
    if expected.members is None:
        return
    for name in expected.required:
        if name not in value:
            where = path + _step(name)
            words = expected.members[name].words
            diff.misfits.setdefault(where, Misfit(path=where, kind="missing_field", expected=words, found="nothing"))
    is_dictionary = len(value) > MOST_MEMBERS + len(expected.members)
    for name, inner in value.items():
        read = expected.members.get(name)
        if read is None:
            where = path + (".*" if is_dictionary else _step(name))
            if where not in diff.members or diff.members[where].value is None:
                diff.members[where] = Member(path=where, type=type_of(inner), value=inner)
        elif not read.is_fitting_leaf(inner):
            _walk(inner, read, path + _step(name), diff)


def _choices(value: Any, path: str) -> Iterator[Choice]:
    if isinstance(value, tuple):
        for item in value:
            yield from _choices(item, f"{path}[*]")
    elif isinstance(value, Struct):
        words, parts = _enums_and_parts(type(value))
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
def _enums_and_parts(model: type[Struct]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the fields of a canonical Struct that have a `_raw` field, and those that hold Structs."""
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
    """Remove positions and keys from a path. A name that no schema would have may be personal data."""
    steps = _STEP.findall(path.removeprefix("$"))
    return "$" + "".join(_step(name) if name else "[*]" if index.isdecimal() else ".*" for name, index in steps)


# By msgspec's type names.
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
    expected = _known.get(read_by)
    if expected is None:
        expected = _known[read_by] = _of(inspect.type_info(read_by), {})
    return expected


def _of(kind: inspect.Type, begun: dict[type[Any], _Expected]) -> _Expected:
    """Return the expectation of a type. `begun` holds the Structs in progress, for recursive ones."""
    if isinstance(kind, inspect.Metadata):
        expected = _of(kind.type, begun)
        keys = [name for one in (kind.extra or {}).get(NAMED_BY, ()) for name in one.__struct_encode_fields__]
        return replace(expected, optional=keys) if keys else expected
    if isinstance(kind, inspect.UnionType):
        return _any_of([_of(each, begun) for each in kind.types])
    if isinstance(kind, inspect.StructType):
        if kind.cls in begun:
            return begun[kind.cls]
        members: dict[str, _Expected] = {}
        required = tuple(field.encode_name for field in kind.fields if field.required)
        begun[kind.cls] = made = _Expected(types=frozenset({"object"}), members=members, required=required)
        members.update({field.encode_name: _of(field.type, begun) for field in kind.fields})
        # `kind.fields` does not show UNSET.
        always = [one.encode_name for one in msgspec.structs.fields(kind.cls) if one.default is not UNSET]
        made.optional += [name for name in always if name not in required or members[name].may_be_null]
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
    """Combine alternatives. msgspec allows one per JSON type, except for Structs with a tag."""
    members = [one.members for one in options if one.members is not None]
    optional = [one.optional for one in options if one.members is not None or one.optional]
    shared = set.intersection(*(set(one.required) for one in options if one.members is not None)) if members else set()
    return _Expected(
        types=None
        if any(one.types is None for one in options)
        else frozenset().union(*(one.types for one in options if one.types is not None)),
        # Share the members of a single Struct: they may still be incomplete, and so may its optional ones.
        members=members[0]
        if len(members) == 1
        else ({name: read for one in members for name, read in one.items()} or None),
        required=tuple(sorted(shared)),
        optional=optional[0] if len(optional) == 1 else [*dict.fromkeys(name for one in optional for name in one)],
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
"""Any other type, such as Raw, accepts every value; nothing below it is compared."""
