"""What requests for contacts, tickets and conversations share: numbered pages and their `Link` header."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import page_number
from mappings.spec import decode

API: Final = "/api/v2"
MOST: Final = 100
BEFORE: Final = timedelta(minutes=5)
"""How far our clock may be ahead of Freshdesk's."""


class Head(Struct, frozen=True, kw_only=True):
    """The id of a record."""

    id: int


def whole_seconds(moment: datetime) -> str:
    """Return a time as Freshdesk sends and accepts it: UTC, without fractions."""
    return values.utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_more(reply: VendorReply, records: int = 0, rows: int = 0) -> bool:
    """Return whether there is a next page, by the header `Link` (RFC 8288). The body does not say."""
    return 'rel="next"' in reply.headers.get("link", "")


def next_page(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Build the request for the page after a numbered one, None after the last one."""
    if not has_more(reply):
        return None
    query = tuple((name, str(page_number(value) + 1) if name == "page" else value) for name, value in request.query)
    return replace(request, query=query)


def remote_id(record: bytes | Raw) -> str:
    """Return the id of a record. Raises VendorDrift if it has none."""
    return str(decode(record, Head).id)
