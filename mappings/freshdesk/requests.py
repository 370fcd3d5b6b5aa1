"""What the calls for contacts, tickets and conversations share: pages by number, and their `Link` header."""

from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply
from mappings.spec import decode

API: Final = "/api/v2"
MOST: Final = 100
DEEPEST: Final = 1_000_000
"""Page numbers that a cursor of ours may name."""

Query = tuple[tuple[str, str], ...]


class Head(Struct, frozen=True, kw_only=True):
    """A record's number."""

    id: int


def page_number(after: str | None) -> int:
    """The page that a cursor names, the first without one. Raises ValueError for a cursor that is none of ours."""
    if after is None:
        return 1
    if not (after.isascii() and after.isdecimal()) or not 1 <= int(after[:8]) <= DEEPEST or len(after) > 7:
        raise ValueError("not the number of a page")
    return int(after)


def whole_seconds(moment: datetime) -> str:
    """A time as Freshdesk writes and takes it: UTC, without fractions."""
    return values.utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_more(reply: VendorReply) -> bool:
    """Whether there is a next page. Freshdesk says so in `Link` (RFC 8288) and nowhere in the body."""
    return 'rel="next"' in reply.headers.get("link", "")


def records(reply: VendorReply) -> tuple[Raw, ...]:
    """The records of a list. Raises VendorDrift where it is none."""
    return decode(reply.body, tuple[Raw, ...])


def remote_id(record: bytes | Raw) -> str:
    """The id of a record. Raises VendorDrift where it has none."""
    return str(decode(record, Head).id)
