"""What requests for contacts, tickets and conversations share: numbered pages and their `Link` header."""

from datetime import datetime, timedelta
from typing import Final

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import next_numbered

API: Final = "/api/v2"
MOST: Final = 100
BEFORE: Final = timedelta(minutes=5)
"""How far our clock may be ahead of Freshdesk's."""


def whole_seconds(moment: datetime) -> str:
    """Return a time as Freshdesk sends and accepts it: UTC, without fractions."""
    return values.utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_more(reply: VendorReply, records: int = 0, rows: int = 0) -> bool:
    """Return whether there is a next page, by the header `Link` (RFC 8288). The body does not say."""
    return 'rel="next"' in reply.headers.get("link", "")


def next_page(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Build the request for the page after a numbered one, None after the last one."""
    return next_numbered(request, more=has_more(reply))
