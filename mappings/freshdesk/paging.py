"""Listing tickets so that none is missed while others change.

Freshdesk pages by number and shows at most 300 pages, and of a plain list the last thirty days only. So a list here is
always one of changes, oldest change first, and goes on from the last change that was seen: a ticket that changes
meanwhile moves to the end and is met again there. Tickets that changed in the same second as the last one come twice
from Freshdesk and are left out by their numbers. Deleted tickets and spam are in none of these lists.
"""

from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.freshdesk.requests import API, MOST, has_more, page_number, records, whole_seconds
from mappings.freshdesk.wire_v2 import Account
from mappings.http import VendorReply, VendorRequest
from mappings.spec import ListQuery, Page, decode

TICKETS: Final = f"{API}/tickets"
INCLUDE: Final = ("include", "requester,stats,description")
INCLUDED: Final = 3.0
"""What each member of `include` costs beside the call itself, by the headers: one request."""
BEGINNING: Final = "1970-01-01T00:00:00Z"


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    updated_at: Instant


class _Sent(NamedTuple):
    record: Raw
    id: int
    second: str


class Place(Struct, frozen=True, kw_only=True):
    """A place in the list: `page` of the changes since `since`, less the tickets `seen` that changed right then."""

    since: str
    page: int = 1
    seen: frozenset[int] = frozenset()

    def text(self) -> str:
        """As a cursor."""
        return f"{self.since}/{self.page}/{','.join(map(str, sorted(self.seen)))}"

    @classmethod
    def of(cls, query: ListQuery) -> "Place":
        """Where a query goes on. Raises ValueError for a cursor that is none of ours."""
        if query.after is None:
            return cls(since=BEGINNING if query.updated_since is None else whole_seconds(query.updated_since))
        since, page, seen = query.after.split("/")
        return cls(
            since=whole_seconds(datetime.fromisoformat(since)),
            page=page_number(page),
            seen=frozenset(map(int, seen.split(","))) if seen else frozenset(),
        )


def list_tickets(query: ListQuery, account: Account) -> VendorRequest:
    """The changes from a place on: as many as Freshdesk sends, since some of them may have been seen."""
    place = Place.of(query)
    asked = (
        ("updated_since", place.since),
        ("order_by", "updated_at"),
        ("order_type", "asc"),
        ("page", str(place.page)),
        ("per_page", str(MOST)),
        INCLUDE,
    )
    return VendorRequest(method="GET", path=TICKETS, route=TICKETS, query=asked, cost=1.0 + INCLUDED)


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """Up to `limit` tickets that were not seen, and the place behind the last of them."""
    place = Place.of(query)
    sent = [_Sent(record, head.id, whole_seconds(head.updated_at)) for record, head in _with_heads(reply)]
    # One that has changed since it was seen is news.
    fresh = [one for one in sent if one.id not in place.seen or one.second != place.since]
    kept = fresh[: query.limit]
    tickets = tuple(one.record for one in kept)
    if len(kept) == len(fresh) and not has_more(reply):
        return Page(records=tickets, next=None, account=account)

    last = kept[-1].second if kept else place.since
    seen = frozenset(one.id for one in kept if one.second == last)
    if last != place.since:
        following = Place(since=last, seen=seen)
    elif len(kept) < len(fresh):
        following = replace(place, seen=place.seen | seen)
    else:
        # A whole page changed in one second: the next page of it.
        following = replace(place, page=place.page + 1, seen=frozenset())
    return Page(records=tickets, next=following.text(), account=account)


def _with_heads(reply: VendorReply) -> list[tuple[Raw, _Head]]:
    return [(record, decode(record, _Head)) for record in records(reply)]
