"""Find the records in a HubSpot payload: a reply, a webhook body or a record."""

from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from canonical.parts import ObjectName
from mappings.hubspot.wire_order_v3 import OrderProperties
from mappings.hubspot.wire_v3 import EXTERNAL_ID, ContactConsents, ContactProperties, TicketProperties
from mappings.spec import Unmappable

T = TypeVar("T")

TYPE_IDS: Final[dict[ObjectName, str]] = {"customer": "0-1", "ticket": "0-5", "order": "0-123"}
"""HubSpot's object type ids, as in the `url` of a record."""
A: Final[dict[ObjectName, str]] = {"customer": "a customer", "ticket": "a ticket", "order": "an order"}
SHARED: Final = frozenset({"hubspot_owner_id", "hs_pipeline", "hs_pipeline_stage", EXTERNAL_ID})
"""Properties that several objects have."""
PROPERTIES: Final[dict[ObjectName, frozenset[str]]] = {
    "customer": frozenset((*ContactProperties.__struct_fields__, *ContactConsents.__struct_fields__)) - SHARED,
    "ticket": frozenset(TicketProperties.__struct_fields__) - SHARED,
    "order": frozenset(OrderProperties.__struct_fields__) - SHARED,
}


class _Payload(Struct, frozen=True, kw_only=True, rename="camel"):
    id: msgspec.Raw | UnsetType = UNSET
    properties: msgspec.Raw | UnsetType = UNSET
    results: tuple[msgspec.Raw, ...] | UnsetType = UNSET
    url: str | None = None
    vid: msgspec.Raw | UnsetType = UNSET
    is_deleted: msgspec.Raw | UnsetType = UNSET
    subscription_type: str | UnsetType = UNSET
    event_id: msgspec.Raw | UnsetType = UNSET
    correlation_id: msgspec.Raw | UnsetType = UNSET
    category: str | None = None


_payload: Final = msgspec.json.Decoder(_Payload)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_many: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])


def unwrap(payload: bytes, object: ObjectName) -> tuple[msgspec.Raw, ...]:
    """Return the records of one object: those of a list, a search or a batch, or the only one.

    Raises Unmappable, with path and reason, for an error body, a webhook (it only names a record), a record of another
    object or of an older API, and anything else.
    """
    if object not in TYPE_IDS:
        raise Unmappable("$", f"HubSpot's mapping has customers, orders and tickets, not {object}s")
    if payload.lstrip()[:1] == b"[":
        events = _read(_many, payload, "$")
        if not events:
            raise Unmappable("$", "an empty array holds no record")
        return _records(events[0], "$[0]", object)
    return _records(msgspec.Raw(payload), "$", object)


def _records(raw: msgspec.Raw, path: str, object: ObjectName) -> tuple[msgspec.Raw, ...]:
    found = _read(_payload, raw, path)
    if isinstance(found.results, UnsetType):
        _ensure_record(found, path, object)
        return (raw,)
    for index, record in enumerate(found.results):
        here = f"{path}.results[{index}]"
        _ensure_record(_read(_payload, record, here), here, object)
    return found.results


def _ensure_record(found: _Payload, path: str, object: ObjectName) -> None:
    if found.subscription_type is not UNSET or found.event_id is not UNSET:
        raise Unmappable(path, "a webhook names a record but does not contain it: read the record by its objectId")
    if found.vid is not UNSET or found.is_deleted is not UNSET:
        raise Unmappable(path, "a record of HubSpot's API v1 or v2: read it through v3")
    if found.properties is UNSET and found.correlation_id is not UNSET:
        raise Unmappable(path, f"an error of HubSpot (category {found.category or 'unknown'}), not a record")
    if found.properties is UNSET:
        raise Unmappable(f"{path}.properties", "not a record: it has no properties")
    if found.id is UNSET:
        raise Unmappable(f"{path}.id", "not a record as HubSpot sends it: it has no id")
    if found.url is not None and "/record/" in found.url:
        type_id = found.url.partition("/record/")[2].partition("/")[0]
        if type_id != TYPE_IDS[object]:
            raise Unmappable(f"{path}.url", f"a record of object type {type_id}; {A[object]} is {TYPE_IDS[object]}")
    members = _read(_members, found.properties, f"{path}.properties")
    if PROPERTIES[object].isdisjoint(members):
        raise Unmappable(f"{path}.properties", f"it has no property of {A[object]}: only an id, or another object")


def _read(decoder: msgspec.json.Decoder[T], payload: bytes | msgspec.Raw, path: str) -> T:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Unmappable(path, "not a HubSpot answer: an object was expected") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not JSON") from error
