"""Requests for tickets and replies about them.

A create has an `Idempotency-Key`, which Zendesk keeps for two hours, and the marker as external id unless the caller
has a key. External ids of tickets are not unique, and a ticket has no other field for the marker.
"""

import dataclasses
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.endpoints import Action, ListQuery, Recovery
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.recovery import same_values
from mappings.kit.rest import Collection, get, parameter, wrapped
from mappings.spec import decode
from mappings.zendesk.paging import API, LISTS, MOST, exported
from mappings.zendesk.related import WITH_NAMES, absorb, missing_requesters, with_people
from mappings.zendesk.wire_v2 import Account, TicketBody, TicketWrite

SHOW_MANY: Final = f"{API}/tickets/show_many"
KEY_LIFETIME: Final = 2 * 3600.0
"""Seconds that Zendesk replays the answer to an `Idempotency-Key`; a request with other content is refused (400)."""


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    external_id: str | None = None


TICKETS: Final = Collection[TicketWrite, Account](
    path=f"{API}/tickets",
    paging=LISTS,
    read_query=(WITH_NAMES,),
    list_query=(WITH_NAMES,),
    records=wrapped("ticket", "tickets"),
    filters={"external_id": parameter("external_id")},
    keys={"external_id": lambda key: (("page[size]", str(MOST)), ("external_id", key))},
    related=with_people,
    encode=lambda ticket: msgspec.json.encode(TicketBody(ticket=ticket)),
    mark=lambda body, marker, account: replace(body, external_id=markers.in_key(body.external_id or None, marker)),
    carries=lambda record, marker: decode(record, _Head).external_id == markers.in_key(None, marker),
    # The answer to a write does not say who the requester is.
    is_whole=lambda record: False,
)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the ticket of a read, or of a look-up by external id: of several the oldest."""
    return min(TICKETS.records(reply), key=_number, default=None), with_people(reply, account)


def list_tickets(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page of tickets. There is no filter by status: only the search has one, which lags and
    ends at 1,000."""
    if (number := query.filters.get("number")) is not None:
        ids = ("ids", number if number.isascii() and number.isdecimal() else "0")
        return get(SHOW_MANY, ids, WITH_NAMES)
    if (requester := query.filters.get("requester")) is not None:
        route = f"{API}/users/{{id}}/tickets/requested"
        path = route.replace("{id}", quote(requester, safe=""))
        by = query if query.updated_since is None else replace(query, sort="updated_at")
        return get(path, WITH_NAMES, *LISTS.window(by), route=route)
    if "external_id" not in query.filters and query.updated_since is not None:
        return exported("tickets", query.updated_since, query, (WITH_NAMES,))
    return TICKETS.list(query, account)


def create(body: TicketWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new ticket, which Zendesk carries out once."""
    request = TICKETS.create(body, marker, parent, account)
    return replace(request, headers=(("Idempotency-Key", marker),), idempotent=True)


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest | None:
    """Build the request for the ticket that a lost create may have made. None for a ticket with the caller's key, which
    has no marker. The list does not lag; the search would."""
    if body is not None and body.external_id:
        return None
    return TICKETS.find("external_id", markers.in_key(None, marker))


def marked(reply: VendorReply, marker: str) -> str | None:
    """Return the id of the ticket that this operation made: of several the oldest."""
    ids = (_number(ticket) for ticket in TICKETS.records(reply) if TICKETS.carries(ticket, marker))
    first = min(ids, default=None)
    return None if first is None else str(first)


def _number(ticket: Raw) -> int:
    return decode(ticket, _Head).id


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="key",
        strength="strong",
        lifetime=KEY_LIFETIME,
        note="the same request is sent again with its Idempotency-Key while Zendesk keeps it. After two hours the "
        "ticket is looked up in the list by the marker in its external id. A ticket with the caller's "
        "external id has no marker and external ids of tickets are not unique: a person decides",
    ),
    "update": same_values("ticket"),
}

ENDPOINTS: Final = dataclasses.replace(
    TICKETS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST),
    record=record,
    list=list_tickets,
    filters=frozenset({"external_id", "number", "requester"}),
    sorts=frozenset({"updated_at", "-updated_at"}),
    side_load=missing_requesters,
    absorb=absorb,
    create=create,
    marked=marked,
    new_requester="id",
)
