"""Find the records in a reply of Medusa, or a single record."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import ObjectName
from mappings.kit.refusals import UNREADABLE
from mappings.spec import Unmappable

ENVELOPES: Final[dict[ObjectName, tuple[str, ...]]] = {
    "customer": ("customer", "customers"),
    "order": ("order", "orders", "draft_order", "draft_orders"),
}
PREFIXES: Final[dict[ObjectName, str]] = {"customer": "cus_", "order": "order_"}
Member = Raw | UnsetType


class _Payload(Struct, frozen=True, kw_only=True):
    """Members that distinguish records, replies and errors."""

    id: Member = UNSET
    object: Member = UNSET
    type: Member = UNSET
    message: Member = UNSET
    deleted: Member = UNSET
    email: Member = UNSET
    currency_code: Member = UNSET
    item_subtotal: Member = UNSET


_payload: Final = msgspec.json.Decoder(_Payload)
_members: Final = msgspec.json.Decoder(dict[str, Raw])
_list: Final = msgspec.json.Decoder(tuple[Raw, ...])
_text: Final = msgspec.json.Decoder(str)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object: of a reply, of a list, or a single record.

    Raises Unmappable, with path and reason, for an error, for HTML, for the reply to a deletion, for a record of
    another object or without its sums, and for anything else.
    """
    if object not in ENVELOPES:
        raise Unmappable("$", f"Medusa has no {object}s")
    if payload.lstrip()[:1] == b"<":
        raise Unmappable("$", "an HTML page, not an answer of the API")
    try:
        members = _members.decode(payload)
    except UNREADABLE as error:
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
    except UNREADABLE as error:
        raise Unmappable(path, "not JSON") from error
    for index, record in enumerate(found):
        _ensure_record(record, f"{path}[{index}]", object)
    return found


def _ensure_record(raw: Raw, path: str, object: ObjectName) -> None:
    try:
        members = _payload.decode(raw)
    except UNREADABLE as error:
        raise Unmappable(path, "not a record: a JSON object was expected") from error
    if isinstance(members.id, UnsetType):
        if members.message is not UNSET:
            raise Unmappable(f"{path}.message", "the shop's refusal, not a record")
        raise Unmappable(f"{path}.id", f"not a {object}: it has no id")
    if members.deleted is not UNSET:
        raise Unmappable(f"{path}.deleted", "the reply to a deletion, not a record")
    if not _id(members.id).startswith(PREFIXES[object]):
        raise Unmappable(f"{path}.id", f"not a {object}: its id would begin with {PREFIXES[object]}")
    if members.object is not UNSET:
        raise Unmappable(f"{path}.object", f"not a {object} of Medusa, whose records have no such member")
    if object == "customer" and members.email is UNSET:
        raise Unmappable(f"{path}.email", "only the id or a part of a customer: request all of it with `fields`")
    if object == "order" and (members.currency_code is UNSET or members.item_subtotal is UNSET):
        missing = "currency_code" if members.currency_code is UNSET else "item_subtotal"
        raise Unmappable(f"{path}.{missing}", "an order without its sums: request them with `fields`")


def _id(raw: Raw) -> str:
    try:
        return _text.decode(raw)
    except UNREADABLE:
        return ""
