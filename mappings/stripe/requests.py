"""What the requests for all objects of Stripe share: idempotency keys, pages, the marker in the metadata, search."""

import hashlib
from datetime import timedelta
from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from mappings.endpoints import ListQuery, Recovery
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.paging import Cursors, Query
from mappings.kit.rest import get, remote_id
from mappings.spec import decode
from mappings.stripe.bodies import CONTENT_TYPE
from mappings.stripe.wire_2026_10_28 import OPERATION_ID

MOST: Final = 100
AFTER: Final = "starting_after"
KEY_LIFETIME: Final = 86_400.0
"""Seconds: Stripe may forget an idempotency key after a day (https://docs.stripe.com/api/idempotent_requests)."""
BEFORE: Final = timedelta(hours=1)
"""How far our clock may be ahead of Stripe's."""
CREATED: Final = Recovery(
    by="key",
    lifetime=KEY_LIFETIME,
    strength="listed",
    note="Stripe repeats its answer to an idempotency key for a day, a server error too. Then the record is looked up "
    "by the operation id in its metadata, among all that were created since the operation began, in a list that does "
    "not lag. If it is absent twice, ten minutes apart, the request is sent once more, under a second key",
)


MARKED: Final = markers.MarkedField(name=OPERATION_ID, member="metadata")
"""Where a record has the id of the operation that made it."""


class _Answer(Struct, frozen=True, kw_only=True):
    """A list or a search has `data`, a record has not. Only a search has `next_page`."""

    data: tuple[Raw, ...] | UnsetType = UNSET
    has_more: bool = False
    next_page: str | None = None
    deleted: bool = False


def records(reply: VendorReply) -> tuple[Raw, ...]:
    """Return the records of a list, or the record of a reply. The stub of a deleted record does not count."""
    answer = decode(reply.body, _Answer)
    if isinstance(answer.data, UnsetType):
        return () if answer.deleted else (Raw(reply.body),)
    return answer.data


def pages(cursor: str) -> Cursors:
    """Return the paging of a list, newest first, that takes its cursor in this parameter."""

    def ask(query: ListQuery, rows: int) -> Query:
        after = () if query.after is None else ((cursor, query.after),)
        return (("limit", str(rows)), *after)

    return Cursors(ask=ask, following=following, most=MOST)


def following(reply: VendorReply) -> str | None:
    """Return the cursor of the next page, None on the last one."""
    answer = decode(reply.body, _Answer)
    if not answer.has_more or not answer.data:
        return None
    return answer.next_page or remote_id(answer.data[-1])


def made_since(path: str, marker: str) -> VendorRequest | None:
    """Build the request for the records created since an operation began, newest first. Lists do not lag, and have no
    filter by metadata. None for a marker without a time."""
    began = markers.began(marker)
    if began is None:
        return None
    since = ("created[gte]", str(int((began - BEFORE).timestamp())))
    return get(path, since, ("limit", str(MOST)))


def next_page(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """Build the request for the page after this one of `made_since`."""
    after = following(reply)
    if after is None:
        return None
    return replace(request, query=(*(pair for pair in request.query if pair[0] != AFTER), (AFTER, after)))


def keyed(request: VendorRequest, key: str) -> VendorRequest:
    """Return a write with its idempotency key."""
    return replace(request, content_type=CONTENT_TYPE, headers=(("Idempotency-Key", key),), idempotent=True)


def keyed_by_body(request: VendorRequest, marker: str) -> VendorRequest:
    """Return an update with a key for exactly these values. If others change the record, the same update may need other
    values, and Stripe refuses a key that it knows with another body."""
    return keyed(request, f"{marker}-{hashlib.sha256(request.body or b'').hexdigest()[:16]}")


def expanding(*paths: str) -> Query:
    """Return the parameters that expand members."""
    return tuple(("expand[]", path) for path in paths)


def clause(key: str, value: str) -> Query:
    """Return the search for a metadata key. The value is quoted; quotes and backslashes in it are escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return (("query", f'metadata["{key}"]:"{escaped}"'),)
