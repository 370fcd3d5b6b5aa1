"""What requests to all objects of Stripe have in common: addresses, idempotency keys, lists, receipts."""

import hashlib
from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Unmappable, decode
from mappings.stripe.bodies import CONTENT_TYPE
from mappings.stripe.wire_2026_10_28 import OPERATION_ID

MOST: Final = 100
KEY_LIFETIME: Final = 86_400.0
"""Seconds: Stripe may forget an idempotency key after a day (https://docs.stripe.com/api/idempotent_requests)."""
SEARCH_LAG: Final = 300.0
"""Seconds. Stripe says that what is written is found within a minute, later while it has trouble."""

Query = tuple[tuple[str, str], ...]


class _Head(Struct, frozen=True, kw_only=True):
    id: str
    deleted: bool = False
    metadata: dict[str, str] | None = None


class Listed(Struct, frozen=True, kw_only=True):
    """A list; a search answers alike, with the cursor of its next page."""

    data: tuple[Raw, ...]
    has_more: bool = False
    next_page: str | None = None


class _Heads(Struct, frozen=True, kw_only=True):
    data: tuple[_Head, ...]


def path_of(collection: str, remote_id: str, verb: str = "") -> str:
    """The path of one record, or of something to be done to it."""
    return f"{collection}/{quote(remote_id, safe='')}{verb}"


def post(path: str, route: str, body: bytes, key: str) -> VendorRequest:
    """A request that changes something, known again by its key."""
    return VendorRequest(
        method="POST",
        path=path,
        route=route,
        body=body,
        content_type=CONTENT_TYPE,
        headers=(("Idempotency-Key", key),),
        effect=True,
        idempotent=True,
    )


def changing_key(marker: str, body: bytes) -> str:
    """The key of an update. It stands for these very values: drafted anew against a record that others have changed,
    an update may hold more of them, and Stripe refuses a key that comes back with another body."""
    return f"{marker}-{hashlib.sha256(body).hexdigest()[:16]}"


def expanding(*paths: str) -> Query:
    """The query that has members expanded."""
    return tuple(("expand[]", path) for path in paths)


def one(reply: VendorReply) -> Raw | None:
    """The record of an answer about one; None for the stub that a deleted record leaves."""
    return None if decode(reply.body, _Head).deleted else Raw(reply.body)


def made(reply: VendorReply) -> tuple[str, Raw]:
    """Id and whole record of an answer to a write. Raises VendorDrift for one without an id, Unmappable for a stub."""
    head = decode(reply.body, _Head)
    if head.deleted:
        raise Unmappable("$.deleted", "a deleted record")
    return head.id, Raw(reply.body)


def last_id(records: tuple[Raw, ...]) -> str | None:
    """Where the next page of a list begins."""
    return decode(records[-1], _Head).id if records else None


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the record in a list or search that carries the marker in its metadata."""
    for head in decode(reply.body, _Heads).data:
        if head.metadata is not None and head.metadata.get(OPERATION_ID) == marker:
            return head.id
    return None


def searching(clause: str, value: str) -> str:
    """A clause of Stripe's query language: the value is quoted, quotes and backslashes in it are escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{clause}:"{escaped}"'
