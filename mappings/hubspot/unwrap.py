"""Find the records in a HubSpot payload: a reply, a webhook body or a record."""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.hubspot.wire_order_v3 import OrderProperties
from mappings.hubspot.wire_v3 import EXTERNAL_ID, ContactConsents, ContactProperties, TicketProperties
from mappings.kit.refusals import read
from mappings.kit.unwrap import PayloadObject, Unwrap, candidate
from mappings.spec import Unmappable

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


class _Where(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members that identify a record or an error."""

    url: str | None = None
    category: str | None = None


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for an error body, a webhook (it only names a record), a record of another object or of an older
    API, and anything else."""
    members = one.members
    about = read(bytes(one.raw), _Where) or _Where()
    if "subscriptionType" in members or "eventId" in members:
        raise one.refused("a webhook names a record but does not contain it: read the record by its objectId")
    if "vid" in members or "isDeleted" in members:
        raise one.refused("a record of HubSpot's API v1 or v2: read it through v3")
    if "properties" not in members and "correlationId" in members:
        raise one.refused(f"an error of HubSpot (category {about.category or 'unknown'}), not a record")
    for name in ("properties", "id"):
        if name not in members:
            raise one.refused(f"not a record as HubSpot sends it: it has no {name}", name)
    if about.url is not None and "/record/" in about.url:
        type_id = about.url.partition("/record/")[2].partition("/")[0]
        if type_id != TYPE_IDS[object]:
            raise one.refused(f"a record of object type {type_id}; {A[object]} is {TYPE_IDS[object]}", "url")
    properties = candidate(members["properties"], f"{one.path}.properties")
    if PROPERTIES[object].isdisjoint(properties.members):
        raise properties.refused(f"it has no property of {A[object]}: only an id, or another object")


_RECORDS: Final = Unwrap(title="HubSpot", envelopes=dict.fromkeys(TYPE_IDS, ("results",)), check=check)


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object: those of a list, a search or a batch, or the only one. Raises Unmappable, with
    path and reason."""
    records = _RECORDS(payload, object)
    if not records and payload.lstrip()[:1] == b"[":
        raise Unmappable("$", "an empty array holds no record")
    return records
