"""Finds Medusa's records in what people have at hand: an answer, or a bare record."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import ObjectName
from mappings.spec import Unmappable

ENVELOPES: Final[dict[ObjectName, tuple[str, ...]]] = {
    "customer": ("customer", "customers"),
    "order": ("order", "orders", "draft_order", "draft_orders"),
}
PREFIXES: Final[dict[ObjectName, str]] = {"customer": "cus_", "order": "order_"}
Seen = Raw | UnsetType


class _Payload(Struct, frozen=True, kw_only=True):
    """Members by which the vendor's records and answers are told apart."""

    id: Seen = UNSET
    type: Seen = UNSET
    message: Seen = UNSET
    deleted: Seen = UNSET
    email: Seen = UNSET
    currency_code: Seen = UNSET
    item_subtotal: Seen = UNSET


_payload: Final = msgspec.json.Decoder(_Payload)
_members: Final = msgspec.json.Decoder(dict[str, Raw])
_list: Final = msgspec.json.Decoder(tuple[Raw, ...])
_text: Final = msgspec.json.Decoder(str)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """The records of one object: the one of an answer, those of a list, or the bare one.

    Raises Unmappable, with path and reason, for an error body, a page, the stub that tells of a deletion, a record of
    another object or without its sums, and anything else.
    """
    if object not in ENVELOPES:
        raise Unmappable("$", f"Medusa has no {object}s")
    if payload.lstrip()[:1] == b"<":
        raise Unmappable("$", "a page, and no answer of the API")
    try:
        members = _members.decode(payload)
    except _UNREADABLE as error:
        raise Unmappable("$", "not a Medusa answer: a JSON object was expected") from error
    for name in ENVELOPES[object]:
        if name in members and "id" not in members:
            return _all(members[name], f"$.{name}", object)
    _ensure_record(Raw(payload), "$", object)
    return (Raw(payload),)


def _all(raw: Raw, path: str, object: ObjectName) -> tuple[Raw, ...]:
    if bytes(raw).lstrip()[:1] != b"[":
        _ensure_record(raw, path, object)
        return (raw,)
    try:
        found = _list.decode(raw)
    except _UNREADABLE as error:
        raise Unmappable(path, "not JSON") from error
    for index, record in enumerate(found):
        _ensure_record(record, f"{path}[{index}]", object)
    return found


def _ensure_record(raw: Raw, path: str, object: ObjectName) -> None:
    try:
        seen = _payload.decode(raw)
    except _UNREADABLE as error:
        raise Unmappable(path, "not a record: a JSON object was expected") from error
    if isinstance(seen.id, UnsetType):
        if seen.message is not UNSET:
            raise Unmappable(f"{path}.message", "the shop's refusal, not a record")
        raise Unmappable(f"{path}.id", f"no {object}: it has no id")
    if seen.deleted is not UNSET:
        raise Unmappable(f"{path}.deleted", "the stub of a deletion")
    if not _id(seen.id).startswith(PREFIXES[object]):
        raise Unmappable(f"{path}.id", f"no {object}: the ids of these begin with {PREFIXES[object]}")
    if object == "customer" and seen.email is UNSET:
        raise Unmappable(f"{path}.email", "only the id of a customer, or a part of one: ask for all with `fields`")
    if object == "order" and (seen.currency_code is UNSET or seen.item_subtotal is UNSET):
        missing = "currency_code" if seen.currency_code is UNSET else "item_subtotal"
        raise Unmappable(f"{path}.{missing}", "an order without its sums: ask for them with `fields`")


def _id(raw: Raw) -> str:
    try:
        return _text.decode(raw)
    except _UNREADABLE:
        return ""
