"""What the requests for all objects of Stripe share: idempotency keys, pages, the marker in the metadata, search."""

import hashlib
from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import Cursors, Query
from mappings.spec import ListQuery, decode
from mappings.stripe.bodies import CONTENT_TYPE
from mappings.stripe.wire_2026_10_28 import OPERATION_ID, Account

MOST: Final = 100
KEY_LIFETIME: Final = 86_400.0
"""Seconds: Stripe may forget an idempotency key after a day (https://docs.stripe.com/api/idempotent_requests)."""
SEARCH_LAG: Final = 300.0
"""Seconds. Stripe says that a search finds a write within a minute, and later during an incident."""


class _Head(Struct, frozen=True, kw_only=True):
    id: str
    metadata: dict[str, str] | None = None


class _Answer(Struct, frozen=True, kw_only=True):
    """A list or a search has `data`, a record has not. Only a search has `next_page`."""

    data: tuple[Raw, ...] | UnsetType = UNSET
    has_more: bool = False
    next_page: str | None = None
    deleted: bool = False


def records(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the records of a list, or the record of a reply. The stub of a deleted record does not count."""
    found = decode(reply.body, _Answer)
    if isinstance(found.data, UnsetType):
        return () if found.deleted else (Raw(reply.body),)
    return found.data


def pages(cursor: str) -> Cursors:
    """Return the paging of a list, newest first, that takes its cursor in this parameter."""

    def ask(query: ListQuery, rows: int) -> Query:
        after = () if query.after is None else ((cursor, query.after),)
        return (("limit", str(rows)), *after)

    return Cursors(ask=ask, following=_following, most=MOST)


def _following(reply: VendorReply) -> str | None:
    found = decode(reply.body, _Answer)
    if not found.has_more or not found.data:
        return None
    return found.next_page or decode(found.data[-1], _Head).id


def keyed(request: VendorRequest, key: str) -> VendorRequest:
    """Return a write with its idempotency key."""
    return replace(request, content_type=CONTENT_TYPE, headers=(("Idempotency-Key", key),), idempotent=True)


def keyed_by_body(request: VendorRequest, marker: str) -> VendorRequest:
    """Return an update with a key for exactly these values. If others change the record, the same update may need other
    values, and Stripe refuses a key that it knows with another body."""
    return keyed(request, f"{marker}-{hashlib.sha256(request.body or b'').hexdigest()[:16]}")


def mark(body: Any, marker: str, account: Account) -> Any:
    """Return the body of a new record with the id of its operation in the metadata."""
    return replace(body, metadata={**(body.metadata or {}), OPERATION_ID: marker})


def carries(record: Raw, marker: str) -> bool:
    """Return whether this operation made the record."""
    return (decode(record, _Head).metadata or {}).get(OPERATION_ID) == marker


def expanding(*paths: str) -> Query:
    """Return the parameters that expand members."""
    return tuple(("expand[]", path) for path in paths)


def clause(key: str, value: str) -> Query:
    """Return the search for a metadata key. The value is quoted; quotes and backslashes in it are escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return (("query", f'metadata["{key}"]:"{escaped}"'),)
