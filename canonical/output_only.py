"""Members of a resource that only answers have. A write ignores them, as AIP-203 asks: you may send what you read."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_args

from msgspec import Struct
from msgspec.structs import fields

from canonical.customer import Customer, CustomerPatch
from canonical.order import Order
from canonical.order_patch import OrderPatch
from canonical.ticket import Comment, CommentPatch, Ticket, TicketPatch

READING: Final[Mapping[type[Struct], type[Struct]]] = {
    CustomerPatch: Customer,
    OrderPatch: Order,
    TicketPatch: Ticket,
    CommentPatch: Comment,
}
"""The Struct of an answer, by the Struct of the write."""
MOST_NAMED: Final = 100
"""At most so many ignored members are listed."""


class Members(Struct, frozen=True):
    """The members of one object: those that are only read, those whose value is an object or a list of objects, and
    those that only a read may have as null."""

    output: frozenset[str]
    inner: Mapping[str, "Members"]
    null: frozenset[str]


def strip_output(body: Any, patch: type[Struct]) -> tuple[Any, list[list[str | int]]]:
    """Return a JSON document without its output-only members, and the path of each. The document is not changed."""
    reading = READING.get(patch)
    if reading is None:
        return body, []
    ignored: list[list[str | int]] = []
    return _stripped(body, members_of(patch, reading), [], ignored), ignored


def struct_in(kind: Any) -> type[Struct] | None:
    """Return the Struct in `Struct | None`, `tuple[Struct, ...]` and the like."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    return next((struct for option in get_args(kind) if (struct := struct_in(option)) is not None), None)


@cache
def members_of(patch: type[Struct], reading: type[Struct]) -> Members:
    """Return what a write ignores, at any depth."""
    sent = {field.encode_name: field.type for field in fields(patch)}
    read = {field.encode_name: field.type for field in fields(reading)}
    inner = {
        name: members_of(part, answered)
        for name, kind in sent.items()
        if (part := struct_in(kind)) is not None and (answered := struct_in(read.get(name))) is not None
    }
    null = {name for name, kind in sent.items() if _may_be_null(read.get(name)) and not _may_be_null(kind)}
    return Members(frozenset(read.keys() - sent.keys()), inner, frozenset(null))


def _may_be_null(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _stripped(value: Any, members: Members, way: list[str | int], ignored: list[list[str | int]]) -> Any:
    if isinstance(value, list):
        return [_stripped(one, members, [*way, index], ignored) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, member in value.items():
        if name in members.output or (member is None and not way and name in members.null):
            ignored.append([*way, name])
        elif name in members.inner:
            kept[name] = _stripped(member, members.inner[name], [*way, name], ignored)
        else:
            kept[name] = member
    return kept
