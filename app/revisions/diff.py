"""Compare the results of two mapping revisions, without personal data."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.inspect import Field, LiteralType, UnionType, type_info

from app.redaction import shape_of, without_people
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import Loss
from canonical.ticket import Comment, Ticket
from mappings.spec import Draft, Mapped, Unmappable

WHOLE: Final = ""
"""The JSON Pointer of a whole record that one revision refuses."""
OURS: Final = ("/meta/loss", "/refused")
"""Path prefixes whose values are kinds of loss and refusal, never vendor data."""
NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
MOST_MEMBERS: Final = 6
_MEMBER: Final = re.compile(r"[a-z][a-z_]{0,39}")
_PLACE: Final = re.compile(r"/[0-9]+(?=/|$)")


class _Absent(Struct, frozen=True):
    """A member that only the other side has."""


ABSENT: Final = _Absent()
Found = Iterator[tuple[str, Any, Any]]


def compare_readings(before: Mapped[Any] | Unmappable, after: Mapped[Any] | Unmappable) -> Sequence[tuple[str, str]]:
    """Return path and sample of every difference between two readings of one record. `*` replaces list indexes."""
    if isinstance(before, Unmappable) or isinstance(after, Unmappable):
        return _compare_refusals(_verdict(before), _verdict(after))
    differences = [
        *_walk(_plain(before.data), _plain(after.data), ""),
        *_walk_losses(before.loss, after.loss),
    ]
    return [(path, sample_of(path, one, other)) for path, one, other in differences]


def compare_drafts(before: Draft[Any], after: Draft[Any]) -> Sequence[tuple[str, str]]:
    """Return the differences between two drafts of one write: vendor bodies, refused fields and losses."""
    refused, refused_after = ({one.pointer: one.kind for one in draft.refused} for draft in (before, after))
    differences = [
        *_walk(_plain(before.body), _plain(after.body), ""),
        *_walk_losses(before.loss, after.loss),
        *(
            (f"/refused{_places(pointer)}", refused.get(pointer, ABSENT), refused_after.get(pointer, ABSENT))
            for pointer in dict.fromkeys((*refused, *refused_after))
            if refused.get(pointer) != refused_after.get(pointer)
        ),
    ]
    return [(path, sample_of(path, one, other)) for path, one, other in differences]


def sample_of(path: str, active: Any, shadow: Any) -> str:
    """Encode both values as JSON. Omit a side that lacks the member.

    Canonical enum values, booleans and null appear as they are; every other value appears as its shape.
    """
    pair = {"active": active, "shadow": shadow}
    return msgspec.json.encode(
        {side: _shown(path, value) for side, value in pair.items() if value is not ABSENT}
    ).decode()


def _compare_refusals(before: str, after: str) -> Sequence[tuple[str, str]]:
    if before == after:
        return ()
    return [(WHOLE, msgspec.json.encode({"active": before, "shadow": after}).decode())]


def _verdict(made: Mapped[Any] | Unmappable) -> str:
    if not isinstance(made, Unmappable):
        return "read"
    # A reason names a field or a type, never a value.
    return without_people(f"refused: {made.reason} - at {made.path}")


def _plain(value: Any) -> Any:
    """Return the value as decoded from its own JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _walk(before: Any, after: Any, path: str) -> Found:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _walk(before.get(name, ABSENT), after.get(name, ABSENT), f"{path}/{step}")
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            one, other = (values[at] if at < len(values) else ABSENT for values in (before, after))
            yield from _walk(one, other, f"{path}/*")
    else:
        yield path, before, after


def _walk_losses(before: tuple[Loss, ...], after: tuple[Loss, ...]) -> Found:
    """Yield the losses that only one side has."""
    one, other = ({(loss.path, loss.kind) for loss in losses} for losses in (before, after))
    yield from ((f"/meta/loss{_places(path)}", kind, ABSENT) for path, kind in sorted(one - other))
    yield from ((f"/meta/loss{_places(path)}", ABSENT, kind) for path, kind in sorted(other - one))


def _places(pointer: str) -> str:
    return _PLACE.sub("/*", pointer)


def _shown(path: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if path.startswith(OURS) or (isinstance(value, str) and value in _enums().get(path.rpartition("/")[2], ())):
        return value
    if isinstance(value, dict):
        members = [
            f"{name if _MEMBER.fullmatch(name) else '*'}: {_inline(f'{path}/{name}', inner)}"
            for name, inner in value.items()
            if inner not in NOTHING
        ]
        return f"{{{', '.join(members[:MOST_MEMBERS] + (['…'] if len(members) > MOST_MEMBERS else []))}}}"
    return shape_of(value)


def _inline(path: str, value: Any) -> str:
    rendered = _shown(path, value)
    return rendered if isinstance(rendered, str) else msgspec.json.encode(rendered).decode()


@lru_cache(maxsize=1)
def _enums() -> dict[str, frozenset[str]]:
    """Return the allowed values of each canonical enum field, by field name."""
    enums: dict[str, frozenset[str]] = {}
    for model in (Customer, Order, Ticket, Comment):
        _collect_enums(type_info(model), enums)
    return enums


def _collect_enums(kind: Any, enums: dict[str, frozenset[str]]) -> None:
    if isinstance(kind, Field):
        values = frozenset(_literals(kind.type))
        if values:
            enums[kind.encode_name] = enums.get(kind.encode_name, frozenset()) | values
    if isinstance(kind, Struct):
        for name in kind.__struct_fields__:
            _collect_enums(getattr(kind, name), enums)
    elif isinstance(kind, tuple):
        for one in kind:
            _collect_enums(one, enums)


def _literals(kind: Any) -> Iterator[str]:
    if isinstance(kind, LiteralType):
        yield from (value for value in kind.values if isinstance(value, str))
    elif isinstance(kind, UnionType):
        for one in kind.types:
            yield from _literals(one)
