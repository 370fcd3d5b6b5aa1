"""Zendesk's three ways of listing, behind one `ListQuery`.

A plain list pages by cursor (`page[size]`, `page[after]`). What changed since a time comes from the incremental export
(`start_time`, then `cursor`), which holds deleted records too, may show a record twice, leaves out the last minute and
takes ten requests a minute. A few look-ups answer without a cursor, by page number.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Raw, Struct

from canonical.parts import Instant
from mappings.http import VendorRequest
from mappings.spec import ListQuery, decode

API: Final = "/api/v2"
MOST: Final = 100
EXPORT_DELAY: Final = 60
"""Seconds: Zendesk refuses an export that begins later than a minute ago."""

Query = tuple[tuple[str, str], ...]


class CursorMeta(Struct, frozen=True, kw_only=True):
    """The end of a page in cursor paging."""

    has_more: bool = False
    after_cursor: str | None = None


class Ends(Struct, frozen=True, kw_only=True):
    """What the answers of all three ways say about the next page."""

    meta: CursorMeta | None = None
    after_cursor: str | None = None
    end_of_stream: bool | None = None
    next_page: str | None = None


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    updated_at: Instant
    email: str | None = None
    external_id: str | None = None
    generated_timestamp: int | None = None


def listed(path: str, query: ListQuery, more: Query) -> VendorRequest:
    """A page of a plain list."""
    paging: list[tuple[str, str]] = [("page[size]", str(min(query.limit, MOST)))]
    if query.after is not None:
        paging.append(("page[after]", query.after))
    return VendorRequest(method="GET", path=path, route=path, query=(*paging, *more))


def numbered(path: str, query: ListQuery, more: Query) -> VendorRequest:
    """A page of a look-up that knows page numbers only."""
    paging = (("page", query.after or "1"), ("per_page", str(min(query.limit, MOST))))
    return VendorRequest(method="GET", path=path, route=path, query=(*more, *paging))


def exported(kind: str, since: datetime, query: ListQuery, more: Query) -> VendorRequest:
    """A page of the incremental export.

    It begins a minute early, so that even "since now" is taken; `kept` leaves out what is older than asked for.
    """
    path = f"{API}/incremental/{kind}/cursor"
    start = max(0, int(since.timestamp()) - EXPORT_DELAY)
    begin = ("cursor", query.after) if query.after is not None else ("start_time", str(start))
    return VendorRequest(
        method="GET", path=path, route=path, query=(begin, ("per_page", str(min(query.limit, MOST))), *more)
    )


def following(ends: Ends) -> str | None:
    """The cursor of the next page, None on the last one."""
    if ends.end_of_stream is not None:
        return None if ends.end_of_stream else ends.after_cursor
    if ends.meta is not None:
        return ends.meta.after_cursor if ends.meta.has_more else None
    if ends.next_page is None:
        return None
    return parse_qs(urlsplit(ends.next_page).query).get("page", [None])[0]


def kept(records: tuple[Raw, ...], query: ListQuery) -> tuple[Raw, ...]:
    """The records of a page that were asked for: Zendesk's searches and exports find more than that."""
    wanted: list[Callable[[_Head], bool]] = []
    if (since := query.updated_since) is not None:
        # An update by the system moves a ticket's generated_timestamp alone; a reader of changes wants it too.
        limit = since.timestamp()
        wanted.append(lambda head: max(head.updated_at.timestamp(), head.generated_timestamp or 0) >= limit)
    if (email := query.filters.get("email")) is not None:
        wanted.append(lambda head: (head.email or "").lower() == email.strip().lower())
    if (external_id := query.filters.get("external_id")) is not None:
        wanted.append(lambda head: (head.external_id or "").casefold() == external_id.casefold())
    if not wanted:
        return records
    return tuple(raw for raw in records if all(test(decode(raw, _Head)) for test in wanted))
