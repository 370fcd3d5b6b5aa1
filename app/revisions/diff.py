"""What two revisions make of the same: where it differs, told without the people in it."""

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
"""The path of what one of the two refuses as a whole, as JSON Pointer has it."""
OURS: Final = ("/meta/loss", "/refused")
"""Where the values are kinds of loss and of refusals."""
NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
MOST_MEMBERS: Final = 6
_MEMBER: Final = re.compile(r"[a-z][a-z_]{0,39}")
_PLACE: Final = re.compile(r"/[0-9]+(?=/|$)")


class _Absent(Struct, frozen=True):
    """A member that only the other one has."""


ABSENT: Final = _Absent()
Found = Iterator[tuple[str, Any, Any]]


def compare_readings(before: Mapped[Any] | Unmappable, after: Mapped[Any] | Unmappable) -> Sequence[tuple[str, str]]:
    """Path and sample of every place where two readings of one record differ; `*` stands for the places of a list."""
    if isinstance(before, Unmappable) or isinstance(after, Unmappable):
        return _compare_refusals(_told(before), _told(after))
    found = [
        *_walk(_plain(before.data), _plain(after.data), ""),
        *_walk_losses(before.loss, after.loss),
    ]
    return [(path, sample_of(path, one, other)) for path, one, other in found]


def compare_drafts(before: Draft[Any], after: Draft[Any]) -> Sequence[tuple[str, str]]:
    """The same of two drafts of one write: of the vendor's bodies, of what they refuse and of what they lose."""
    refused, refused_after = ({one.pointer: one.kind for one in draft.refused} for draft in (before, after))
    found = [
        *_walk(_plain(before.body), _plain(after.body), ""),
        *_walk_losses(before.loss, after.loss),
        *(
            (f"/refused{_places(pointer)}", refused.get(pointer, ABSENT), refused_after.get(pointer, ABSENT))
            for pointer in dict.fromkeys((*refused, *refused_after))
            if refused.get(pointer) != refused_after.get(pointer)
        ),
    ]
    return [(path, sample_of(path, one, other)) for path, one, other in found]


def sample_of(path: str, active: Any, shadow: Any) -> str:
    """Both values in JSON: words of ours, truth values and null as they are, everything else as its shape; a side that
    does not have the member is left out."""
    pair = {"active": active, "shadow": shadow}
    return msgspec.json.encode(
        {side: _shown(path, value) for side, value in pair.items() if value is not ABSENT}
    ).decode()


def _compare_refusals(before: str, after: str) -> Sequence[tuple[str, str]]:
    """A reason names a field or a type, never a value."""
    if before == after:
        return ()
    return [(WHOLE, msgspec.json.encode({"active": before, "shadow": after}).decode())]


def _told(made: Mapped[Any] | Unmappable) -> str:
    if not isinstance(made, Unmappable):
        return "read"
    return without_people(f"refused: {made.reason} - at {made.path}")


def _plain(value: Any) -> Any:
    """As a reader of the JSON sees it."""
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
    """Losses that only one of the two has."""
    one, other = ({(loss.path, loss.kind) for loss in losses} for losses in (before, after))
    yield from ((f"/meta/loss{_places(path)}", kind, ABSENT) for path, kind in sorted(one - other))
    yield from ((f"/meta/loss{_places(path)}", ABSENT, kind) for path, kind in sorted(other - one))


def _places(pointer: str) -> str:
    return _PLACE.sub("/*", pointer)


def _shown(path: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if path.startswith(OURS) or (isinstance(value, str) and value in _words().get(path.rpartition("/")[2], ())):
        return value
    if isinstance(value, dict):
        told = [
            f"{name if _MEMBER.fullmatch(name) else '*'}: {_inline(f'{path}/{name}', inner)}"
            for name, inner in value.items()
            if inner not in NOTHING
        ]
        return f"{{{', '.join(told[:MOST_MEMBERS] + (['…'] if len(told) > MOST_MEMBERS else []))}}}"
    return shape_of(value)


def _inline(path: str, value: Any) -> str:
    shown = _shown(path, value)
    return shown if isinstance(shown, str) else msgspec.json.encode(shown).decode()


@lru_cache(maxsize=1)
def _words() -> dict[str, frozenset[str]]:
    """By the name of a field of the canonical model, the words that it may have, where these are ours."""
    words: dict[str, frozenset[str]] = {}
    for model in (Customer, Order, Ticket, Comment):
        _collect(type_info(model), words)
    return words


def _collect(kind: Any, words: dict[str, frozenset[str]]) -> None:
    if isinstance(kind, Field):
        told = frozenset(_literals(kind.type))
        if told:
            words[kind.encode_name] = words.get(kind.encode_name, frozenset()) | told
    if isinstance(kind, Struct):
        for name in kind.__struct_fields__:
            _collect(getattr(kind, name), words)
    elif isinstance(kind, tuple):
        for one in kind:
            _collect(one, words)


def _literals(kind: Any) -> Iterator[str]:
    if isinstance(kind, LiteralType):
        yield from (value for value in kind.values if isinstance(value, str))
    elif isinstance(kind, UnionType):
        for one in kind.types:
            yield from _literals(one)
