"""What the requests for customers and orders share: the operation that made a record, and the search for it."""

from datetime import timedelta
from typing import Any, Final

from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.rest import Collection, get
from mappings.medusa.paging import count, iso
from mappings.medusa.wire_2_21 import OPERATION, Account
from mappings.spec import Unmappable

BEFORE: Final = timedelta(hours=1)
"""How far a shop's clock may be behind."""
MOST_SEARCHED: Final = "5000"
"""Records created since an operation began. Medusa sends only their id and metadata."""


MARKED: Final = markers.MarkedField(name=OPERATION, member="metadata")
"""Where a record has the id of the operation that made it."""


def made_since(path: str, marker: str) -> VendorRequest | None:
    """Build the request for the records created since an operation began, newest first. None for a marker without a
    time."""
    began = markers.began(marker)
    if began is None:
        return None
    since = ("created_at[$gte]", iso(began - BEFORE))
    query = (("fields", "id,metadata"), since, ("order", "-created_at"), ("limit", MOST_SEARCHED))
    return get(path, *query)


def marked(collection: Collection[Any, Account], reply: VendorReply, marker: str) -> str | None:
    """Return the id of the record that carries the marker. Raises Unmappable if it is not found and the reply does not
    show all records: then its absence proves nothing."""
    id = collection.marked(reply, marker)
    if id is None and (count(reply) or 0) > len(collection.records(reply)):
        raise Unmappable("$.count", "more records were created since the write began than one reply shows")
    return id
