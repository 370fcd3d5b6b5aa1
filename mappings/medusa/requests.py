"""The calls that customers and orders have alike, and finding a record by its operation."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.medusa.metadata import is_marked
from mappings.medusa.paging import iso
from mappings.medusa.wire_2_21 import OPERATION, Metadata
from mappings.spec import Unmappable, decode

CUSTOMERS: Final = "/admin/customers"
ORDERS: Final = "/admin/orders"
DRAFTS: Final = "/admin/draft-orders"
MAX_PER_PAGE: Final = 100
BEFORE: Final = timedelta(hours=1)
"""By how much a shop's clock may be behind ours."""
MOST_LOOKED_THROUGH: Final = 5000
"""Records made since an operation began, of which only id and metadata are sent."""
_encode: Final = msgspec.json.Encoder().encode

Query = tuple[tuple[str, str], ...]


class Marked(Struct, frozen=True, kw_only=True):
    """As much of a record as tells whose it is."""

    id: str
    metadata: Metadata | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """A record, or several with how many there are, under the name of what they are."""

    customer: Raw | UnsetType = UNSET
    order: Raw | UnsetType = UNSET
    draft_order: Raw | UnsetType = UNSET
    customers: tuple[Raw, ...] = ()
    orders: tuple[Raw, ...] = ()
    draft_orders: tuple[Raw, ...] = ()
    count: int | None = None

    @property
    def one(self) -> Raw | None:
        """The record, or the first of several."""
        for found in (self.customer, self.order, self.draft_order):
            if not isinstance(found, UnsetType):
                return found
        return next(iter(self.several), None)

    @property
    def several(self) -> tuple[Raw, ...]:
        """The records of a list."""
        return self.customers or self.orders or self.draft_orders


def read(collection: str, remote_id: str, fields: str) -> VendorRequest:
    """One record by id."""
    path = f"{collection}/{quote(remote_id, safe='')}"
    return VendorRequest(method="GET", path=path, route=f"{collection}/{{id}}", query=(("fields", fields),))


def listed(collection: str, query: Query) -> VendorRequest:
    """Several records."""
    return VendorRequest(method="GET", path=collection, route=collection, query=query)


def create(collection: str, body: Any, fields: str) -> VendorRequest:
    """A new record. Medusa recognises no repeat."""
    return VendorRequest(
        method="POST",
        path=collection,
        route=collection,
        query=(("fields", fields),),
        body=_encode(body),
        effect=True,
    )


def change(collection: str, remote_id: str, body: Any, fields: str, step: str = "") -> VendorRequest:
    """Set what the body names and leave the rest, or take the record a step further. A change is a POST at Medusa."""
    return VendorRequest(
        method="POST",
        path=f"{collection}/{quote(remote_id, safe='')}{step}",
        route=f"{collection}/{{id}}{step}",
        query=(("fields", fields),),
        body=_encode(body),
        effect=True,
    )


def delete(collection: str, remote_id: str) -> VendorRequest:
    """Take a record away. Medusa keeps its row, and shows it no more."""
    path = f"{collection}/{quote(remote_id, safe='')}"
    return VendorRequest(method="DELETE", path=path, route=f"{collection}/{{id}}", effect=True)


def marking(told: Any, marker: str) -> dict[str, Any]:
    """The metadata of a new record, which names its operation."""
    return {**(told if isinstance(told, dict) else {}), OPERATION: marker}


def made_since(collection: str, marker: str) -> VendorRequest | None:
    """What was made since an operation began, newest first; None for a marker that tells no time."""
    began = markers.began(marker)
    if began is None:
        return None
    since = ("created_at[$gte]", iso(began - BEFORE))
    return listed(
        collection,
        (("fields", "id,metadata"), since, ("order", "-created_at"), ("limit", str(MOST_LOOKED_THROUGH))),
    )


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the record that carries this marker.

    Raises Unmappable where there are more records than the answer shows, so that its absence proves nothing.
    """
    answer = decode(reply.body, Answer)
    for raw in answer.several:
        record = decode(raw, Marked)
        if is_marked(record.metadata, marker):
            return record.id
    if answer.count is not None and answer.count > len(answer.several):
        raise Unmappable("$.count", "more was made since the write began than one look shows")
    return None
