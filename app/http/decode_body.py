"""Decode a request body strictly: no "7" for 7, no unknown members, nothing dropped; each error has a pointer."""

import re
from array import array
from collections.abc import Iterator
from itertools import accumulate
from json import JSONDecoder
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from app.errors import InvalidField, MalformedBody
from app.http.nearest_name import did_you_mean
from app.http.plain_errors import choices_in, in_words
from app.problem_document import FieldError, cut
from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.output_only import MOST_NAMED, strip_output, struct_in
from canonical.ticket import TicketPatch

P = TypeVar("P", bound=Struct)

MAX_DEPTH: Final = 64

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`$", re.DOTALL)
# Errors never repeat what was sent: it may be personal data.
NO_CHOICE: Final = "not one of the possible values"
IN_CONTRACTS: Final = (CustomerPatch, OrderPatch, TicketPatch)
_NO_CHOICE = re.compile(r"Invalid (enum )?value", re.DOTALL)
_PLACED = re.compile(r"(.*) - at `(\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Brackets as signed bytes: +1 opens a level, -1 closes it."""
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_decoders: dict[type[Struct], msgspec.json.Decoder[Any]] = {}


class DecodedBody(Struct, Generic[P], frozen=True, kw_only=True):
    """A decoded body: the fields to write, the pointers of the first output-only members that it had, its `meta` and
    its `totals`, and whether it says `is_guest`."""

    patch: P
    ignored: tuple[str, ...] = ()
    meta: Any = None
    totals: Any = None
    is_guest: bool = False


def decode_patch(body: bytes, into: type[P]) -> P:
    """Decode the body into a Struct, and ignore output-only members.

    Raises MalformedBody if it is not JSON in UTF-8 without a byte order mark, breaks off, or is nested deeper than 64.
    Raises InvalidField with JSON Pointers for the first structural error, for every repeated member, or for every
    string with a NUL.
    """
    return decode_sent(body, into).patch


def decode_sent(body: bytes, into: type[P]) -> DecodedBody[P]:
    """Decode the body like `decode_patch`, and return what it ignored as well."""
    _refuse_unreadable(body)
    try:
        sent = DecodedBody(patch=_decoder_of(into).decode(body))
    except msgspec.ValidationError as error:
        # The decoder stops at the first wrong field, and what follows need not be JSON.
        sent = _without_output(_read_json(body), into, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json() from error
    _refuse_repeated(body)
    if b"\\u0000" in body:
        _refuse_nul(_read_json(body))
    return sent


def _without_output(whole: Any, into: type[P], error: msgspec.ValidationError) -> DecodedBody[P]:
    """Decode a body without its output-only members. Raises InvalidField if that was not what was wrong."""
    stripped, ignored = strip_output(whole, into)
    if not ignored:
        raise _invalid(str(error), whole, into) from error
    try:
        patch = _decoder_of(into).decode(msgspec.json.encode(stripped))
    except msgspec.ValidationError as other:
        raise _invalid(str(other), stripped, into) from other
    named = tuple(_pointer([str(name) for name in way]) for way in ignored[:MOST_NAMED])
    return DecodedBody(
        patch=patch,
        ignored=named,
        meta=whole.get("meta"),
        totals=whole.get("totals"),
        is_guest=whole.get("is_guest") is True,
    )


def _decoder_of(into: type[P]) -> msgspec.json.Decoder[P]:
    decoder = _decoders.get(into)
    if decoder is None:
        decoder = _decoders[into] = msgspec.json.Decoder(into)
    return decoder


def pointer_of(path: str) -> str:
    """Return msgspec's path (`$.emails[0].address`) as a JSON Pointer (`/emails/0/address`)."""
    return "".join(f"/{_escape(name or index)}" for name, index in _STEP.findall(path.removeprefix("$")))


def _read_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json() from error


def _not_json() -> MalformedBody:
    return MalformedBody("The body is not JSON in UTF-8, or it breaks off.")


def _refuse_unreadable(body: bytes) -> None:
    if not body.strip():
        raise MalformedBody("The body is empty; a JSON object is needed.")
    if body.startswith(b"\xef\xbb\xbf"):
        raise MalformedBody("The body starts with a byte order mark; send plain UTF-8 without one.")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise MalformedBody(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _depth(body: bytes) -> int:
    """Return the deepest nesting of brackets outside strings. Every second part between quotes is one."""
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(plain.split(b'"')[::2]).translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(array("b", brackets)), default=0)


class _Repeated(Exception):
    """An object has a member twice."""


def _count(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) != len(members):
        raise _Repeated


# msgspec silently keeps the last of equal members. The body is known to be JSON; numbers stay as they are.
_counting = JSONDecoder(object_pairs_hook=_count, parse_int=str, parse_float=str)
_keeping = JSONDecoder(object_pairs_hook=tuple, parse_int=str, parse_float=str)


def _refuse_repeated(body: bytes) -> None:
    try:
        if not _may_repeat(body):
            return
        text = body.decode()
    except UnicodeDecodeError as error:  # in a value that stays raw
        raise _not_json() from error
    try:
        _counting.decode(text)
    except _Repeated:
        raise InvalidField.listing(list(_repeated(_keeping.decode(text), []))) from None


def _may_repeat(body: bytes) -> bool:
    """Return whether an object may have a member twice. If one has, the quotation marks of those that were dropped are
    missing from the body as it was decoded. An escape such as `\\u0022` may stand for one."""
    if b"\\u" in body:
        return True
    try:
        decoded = msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.MsgspecError, OverflowError):
        return True
    return decoded.count(b'"') != body.count(b'"')


def _repeated(value: Any, way: list[str]) -> Iterator[FieldError]:
    """Yield repeated members. Objects are tuples of members here. Build pointers only for finds: names may be long."""
    if isinstance(value, list):
        value = enumerate(value)
    elif not isinstance(value, tuple):
        return
    names = set()
    for name, inner in value:
        way.append(str(name))
        if name in names:
            yield FieldError(pointer=_pointer(way), detail="appears more than once in its object: send it once")
        names.add(name)
        yield from _repeated(inner, way)
        way.pop()


def _struct_at(into: type[Struct], path: str) -> type[Struct]:
    """Return the Struct of the object at msgspec's path in a body."""
    here = into
    for name, _ in _STEP.findall(path.removeprefix("$")):
        kind = next((field.type for field in fields(here) if field.encode_name == name), None)
        here = struct_in(kind) or here
    return here


def _type_at(into: type[Struct], path: str) -> Any:
    """Return the type of the member at msgspec's path in a body."""
    holder, _, name = path.rpartition(".")
    return next((one.type for one in fields(_struct_at(into, holder)) if one.encode_name == name), None)


def _noun(kind: type[Struct]) -> str:
    """Return the object in words: an address, a line item."""
    words = _CAPITAL.sub(" ", kind.__name__.removesuffix("Patch")).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _invalid(message: str, whole: Any, into: type[Struct]) -> InvalidField:
    reason, path = message, "$"
    if placed := _PLACED.fullmatch(message):
        reason, path = placed[1], placed[2]
    if (unknown := _UNKNOWN.match(message)) and isinstance(whole, dict) and unknown[1] in whole:
        reason, path = message, "$"  # a top-level name that looks like a place
    pointer = pointer_of(path)
    if unknown := _UNKNOWN.match(reason):
        name = unknown[1]
        pointer = f"{pointer}/{_escape(name)}"
        here = _struct_at(into, path)
        names = here.__struct_encode_fields__
        near = did_you_mean(name, names)
        listed = "/v1/contracts lists the fields" if here in IN_CONTRACTS else f"its fields: {', '.join(names)}"
        return InvalidField.at(pointer, f"{name} is not a field of {_noun(here)}; {listed}.{near}")
    if missing := _MISSING.match(reason):
        return InvalidField.at(f"{pointer}/{_escape(missing[1])}", "is required")
    if _NO_CHOICE.match(reason):
        listed = ", ".join(choices_in(_type_at(into, path)))
        return InvalidField.at(pointer, f"{NO_CHOICE}: {listed}" if listed else NO_CHOICE)
    return InvalidField.at(pointer, in_words(reason))


def _refuse_nul(value: Any) -> None:
    if errors := list(_nuls(value, [])):
        raise InvalidField.listing(errors)


def _nuls(value: Any, way: list[str]) -> Iterator[FieldError]:
    if isinstance(value, str) and "\0" in value:
        yield FieldError(pointer=_pointer(way), detail="holds a NUL character, which no vendor stores")
    elif isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _nuls(name, way)
            way.append(str(name))
            yield from _nuls(inner, way)
            way.pop()


def _pointer(way: list[str]) -> str:
    return cut("".join(f"/{_escape(name)}" for name in way))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
