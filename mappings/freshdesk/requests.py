"""What the calls for contacts, tickets and conversations share: pages by number, and their `Link` header."""

from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply
from mappings.spec import decode

API: Final = "/api/v2"
MOST: Final = 100


class Head(Struct, frozen=True, kw_only=True):
    """A record's number."""

    id: int


def whole_seconds(moment: datetime) -> str:
    """A time as Freshdesk writes and takes it: UTC, without fractions."""
    return values.utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_more(reply: VendorReply, records: int = 0, rows: int = 0) -> bool:
    """Whether there is a next page. Freshdesk says so in `Link` (RFC 8288) and nowhere in the body."""
    return 'rel="next"' in reply.headers.get("link", "")


def remote_id(record: bytes | Raw) -> str:
    """The id of a record. Raises VendorDrift where it has none."""
    return str(decode(record, Head).id)
