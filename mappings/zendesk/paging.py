"""The three ways in which Zendesk lists records.

- A plain list has a cursor (`page[size]`, `page[after]`).
- The incremental export lists what changed since a time (`start_time`, then `cursor`), deleted records included. It may
  show a record twice, leaves out the last minute, and takes ten requests a minute.
- The search of users has page numbers.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.endpoints import ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import Cursors, Query
from mappings.kit.rest import get
from mappings.spec import decode

API: Final = "/api/v2"
MOST: Final = 100
EXPORT_DELAY: Final = 60
EXPORTS: Final = "export"
"""The bucket of the incremental exports."""
"""Seconds. Zendesk refuses an export that begins less than a minute ago."""


class _Cursor(Struct, frozen=True, kw_only=True):
    has_more: bool = False
    after_cursor: str | None = None


class PageEnd(Struct, frozen=True, kw_only=True):
    """What the answers of all three kinds report about the next page."""

    meta: _Cursor | None = None
    after_cursor: str | None = None
    end_of_stream: bool | None = None
    next_page: str | None = None


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    updated_at: Instant
    requester_id: int | None = None
    generated_timestamp: int | None = None


def ask(query: ListQuery, rows: int) -> Query:
    """Return the parameters of a page of a plain list."""
    after = () if query.after is None else (("page[after]", query.after),)
    sort = () if query.sort is None else (("sort", query.sort),)
    return (("page[size]", str(rows)), *sort, *after)


def following(reply: VendorReply) -> str | None:
    """Return the cursor of the next page, None on the last one."""
    end = decode(reply.body, PageEnd)
    if end.end_of_stream is not None:
        return None if end.end_of_stream else end.after_cursor
    if end.meta is not None:
        return end.meta.after_cursor if end.meta.has_more else None
    if end.next_page is None:
        return None
    return parse_qs(urlsplit(end.next_page).query).get("page", [None])[0]


def asked_for(records: tuple[Raw, ...], query: ListQuery) -> tuple[Raw, ...]:
    """Return the records that fit a query. Zendesk's searches and exports find more."""
    wanted: list[Callable[[_Head], bool]] = []
    if (since := query.updated_since) is not None:
        # An update by the system moves a ticket's generated_timestamp alone; a list of changes includes it.
        limit = since.timestamp()
        wanted.append(lambda head: max(head.updated_at.timestamp(), head.generated_timestamp or 0) >= limit)
    if (requester := query.filters.get("requester")) is not None:
        wanted.append(lambda head: str(head.requester_id) == requester)
    if not wanted:
        return records
    return tuple(raw for raw in records if all(test(decode(raw, _Head)) for test in wanted))


LISTS: Final = Cursors(ask=ask, following=following, most=MOST, keep=asked_for)


def numbered(path: str, query: ListQuery, more: Query) -> VendorRequest:
    """Build the request for a page of a search by page number."""
    paging = (("page", query.after or "1"), ("per_page", str(min(query.limit, MOST))))
    return get(path, *more, *paging)


def exported(kind: str, since: datetime, query: ListQuery, more: Query) -> VendorRequest:
    """Build the request for a page of the incremental export.

    The export begins a minute early, so that Zendesk takes even "since now". `asked_for` leaves out what is too old.
    """
    path = f"{API}/incremental/{kind}/cursor"
    start = max(0, int(since.timestamp()) - EXPORT_DELAY)
    begin = ("cursor", query.after) if query.after is not None else ("start_time", str(start))
    rows = ("per_page", str(min(query.limit, MOST)))
    return replace(get(path, begin, rows, *more), bucket=EXPORTS)
