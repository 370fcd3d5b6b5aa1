"""How tickets are reached.

Nothing about a ticket is unique and there is no idempotency key. A create carries the operation in a custom field,
which Freshdesk's search finds once it has caught up; until then nobody knows, so a lost create is never sent again.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.freshdesk import paging
from mappings.freshdesk.paging import TICKETS
from mappings.freshdesk.requests import API, remote_id
from mappings.freshdesk.wire_v2 import MARK_FIELD, Account, TicketWrite
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, Receipt, Recovery, decode

ONE: Final = f"{TICKETS}/{{id}}"
SEARCH: Final = f"{API}/search/tickets"
INCLUDE: Final = ("include", "requester,stats")
INCLUDED: Final = 2.0
SEARCH_LAG: Final = 600.0
"""Seconds. Freshdesk speaks of "a few minutes" until its search knows of a ticket."""


class _Marked(Struct, frozen=True, kw_only=True):
    id: int
    custom_fields: dict[str, Raw] | None = None


class _Found(Struct, frozen=True, kw_only=True):
    results: tuple[_Marked, ...]


def ticket_path(remote_id: str) -> str:
    """The ticket's address; those of its conversations begin with it."""
    return f"{TICKETS}/{quote(remote_id, safe='')}"


def read(remote_id: str, account: Account) -> VendorRequest:
    """One ticket, its requester and its times."""
    return VendorRequest(method="GET", path=ticket_path(remote_id), route=ONE, query=(INCLUDE,), cost=1.0 + INCLUDED)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The ticket of an answer about one."""
    return Raw(reply.body), account


def create(body: TicketWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new ticket, marked."""
    marked = replace(body, custom_fields={**(body.custom_fields or {}), MARK_FIELD: marker})
    return VendorRequest(method="POST", path=TICKETS, route=TICKETS, body=msgspec.json.encode(marked), effect=True)


def update(remote_id: str, body: TicketWrite, marker: str, account: Account) -> VendorRequest:
    """Change a ticket."""
    return VendorRequest(
        method="PUT", path=ticket_path(remote_id), route=ONE, body=msgspec.json.encode(body), effect=True
    )


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """What became of a write. The answer has neither requester nor times beside it, so the ticket is read."""
    return Receipt(remote_id=remote_id(reply.body), created=reply.status == 201)


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

ENDPOINTS: Final = Endpoints(
    read=read,
    record=record,
    list=paging.list_tickets,
    page=paging.page,
    create=create,
    update=update,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
