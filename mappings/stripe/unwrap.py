"""Finds the records of one object in answers and events of Stripe."""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.spec import Unmappable, decode

NAMES: Final[dict[ObjectName, tuple[str, ...]]] = {"customer": ("customer",), "order": ("invoice", "checkout.session")}
LISTS: Final = ("list", "search_result")
EVENT: Final = "event"


class _Head(Struct, frozen=True, kw_only=True):
    object: str | None = None
    id: str | None = None
    deleted: bool = False


class _Event(Struct, frozen=True, kw_only=True):
    object: Raw = Raw()


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of `object` in an answer, an event or a single record, each as its own bytes.

    Raises Unmappable for an error, a deleted stub, a preview without an id, and anything without such a record.
    """
    names = NAMES.get(object)
    if names is None:
        raise Unmappable("$", f"Stripe has no {object}")
    body = decode(payload, dict[str, Raw])
    if "error" in body:
        raise Unmappable("$.error", "Stripe's refusal, not a record")
    kind = decode(payload, _Head).object
    if kind in LISTS and "data" in body:
        return tuple(raw for raw in decode(body["data"], tuple[Raw, ...]) if _is(raw, names))
    if kind == EVENT and "data" in body:
        return (_whole(decode(body["data"], _Event).object, names, "$.data.object"),)
    return (_whole(Raw(payload), names, "$"),)


def _whole(raw: Raw, names: tuple[str, ...], path: str) -> Raw:
    """Return the record. Raises Unmappable for another object, a stub or a preview."""
    if not raw:
        raise Unmappable(path, "the event contains no record; a thin event only names one")
    head = decode(raw, _Head)
    if head.object not in names:
        raise Unmappable(f"{path}.object", f"it contains no {' or '.join(names)}")
    if head.deleted:
        raise Unmappable(f"{path}.deleted", "the stub of a deleted record")
    if head.id is None:
        raise Unmappable(f"{path}.id", "a preview of an invoice that does not exist yet")
    return raw


def _is(raw: Raw, names: tuple[str, ...]) -> bool:
    return decode(raw, _Head).object in names
