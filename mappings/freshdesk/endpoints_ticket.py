"""How tickets are reached.

Nothing about a ticket is unique and there is no idempotency key. A create carries the operation in a custom field,
which Freshdesk's search finds once it has caught up; until then nobody knows, so a lost create is never sent again.

Freshdesk pages by number and shows at most 300 pages, and of a plain list the last thirty days only. So a list here is
always one of changes, oldest change first, and goes on from the last change that was seen: a ticket that changes
meanwhile moves to the end and is met again there. Tickets that changed in the same second as the last one come twice
from Freshdesk and are left out by their numbers. Deleted tickets and spam are in none of these lists.
"""

import dataclasses
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.freshdesk.requests import API, MOST, has_more, remote_id, whole_seconds
from mappings.freshdesk.wire_v2 import MARK_FIELD, Account, TicketWrite
from mappings.http import VendorReply, VendorRequest
from mappings.kit.paging import EPOCH, Keyset, Query, Window
from mappings.kit.rest import Collection
from mappings.spec import Action, Recovery, decode

SEARCH: Final = f"{API}/search/tickets"
SEARCH_LAG: Final = 600.0
"""Seconds. Freshdesk speaks of "a few minutes" until its search knows of a ticket."""


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    updated_at: Instant


class _Marked(Struct, frozen=True, kw_only=True):
    id: int
    custom_fields: dict[str, Raw] | None = None


class _Found(Struct, frozen=True, kw_only=True):
    results: tuple[_Marked, ...]


def window(asked: Window) -> Query:
    """Return the parameters of a page of changes."""
    return (
        ("updated_since", whole_seconds(asked.since or EPOCH)),
        ("order_by", "updated_at"),
        ("order_type", "asc"),
        ("page", str(asked.number)),
        ("per_page", str(asked.rows)),
        ("include", "requester,stats,description"),
    )


def placed(record: Raw, by_change: bool) -> tuple[str, datetime]:
    """Return the id of a ticket and when it changed."""
    head = decode(record, _Head)
    return str(head.id), head.updated_at


def mark(body: TicketWrite, marker: str, account: Account) -> TicketWrite:
    """Return the body of a new ticket, marked."""
    return replace(body, custom_fields={**(body.custom_fields or {}), MARK_FIELD: marker})


TICKETS: Final = Collection[TicketWrite, Account](
    path=f"{API}/tickets",
    paging=Keyset(ask=window, head=placed, spell=whole_seconds, more=has_more, most=MOST, exclude=False),
    # By the headers, each member of `include` costs one request beside the call itself.
    read_query=(("include", "requester,stats"),),
    read_cost=3.0,
    list_cost=4.0,
    id=remote_id,
    mark=mark,
    # The answer to a write has neither requester nor times.
    is_whole=lambda record: False,
)


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest:
    """The tickets that name this operation, as far as the search knows of them."""
    query = (("query", f"\"{MARK_FIELD}:'{marker}'\""),)
    return VendorRequest(method="GET", path=SEARCH, route=SEARCH, query=query)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the ticket that this operation made."""
    wanted = msgspec.json.encode(marker)
    for ticket in decode(reply.body, _Found).results:
        if bytes((ticket.custom_fields or {}).get(MARK_FIELD, b"null")) == wanted:
            return str(ticket.id)
    return None


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="search",
        search_lag=SEARCH_LAG,
        note="Freshdesk's search is asked for the ticket whose custom field names our operation; it knows of new "
        "tickets some minutes late, and Freshdesk has neither an idempotency key nor anything unique about a ticket, "
        "so that one that is not found may still be there: look among the requester's tickets",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the ticket is read; setting the same values again is harmless"
    ),
}

ENDPOINTS: Final = dataclasses.replace(
    TICKETS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST), marked=marked
)
