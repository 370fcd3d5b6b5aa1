"""How tickets are reached.

A create carries an `Idempotency-Key`, which Zendesk keeps for two hours, and our mark as external id unless the caller
has a key of its own: Zendesk does not hold those to be unique, and a ticket has no other place that can be read back.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode
from mappings.zendesk.paging import API, MOST, Ends, exported, following, kept, listed
from mappings.zendesk.related import INCLUDE, absorb, missing_requesters, with_people
from mappings.zendesk.wire_v2 import MARK, Account, Person, TicketBody, TicketWrite

TICKETS: Final = f"{API}/tickets"
ONE: Final = f"{TICKETS}/{{id}}"
SHOW_MANY: Final = f"{TICKETS}/show_many"
KEY_LIFETIME: Final = 2 * 3600.0
"""Seconds that Zendesk replays the answer to an `Idempotency-Key`; a request with other content is refused (400)."""


class _Head(Struct, frozen=True, kw_only=True):
    id: int
    external_id: str | None = None


class _Answer(Struct, frozen=True, kw_only=True):
    ticket: Raw = Raw()
    tickets: tuple[Raw, ...] = ()
    users: tuple[Person, ...] = ()


class _Listed(Ends, frozen=True, kw_only=True):
    tickets: tuple[Raw, ...]
    users: tuple[Person, ...] = ()


class _Found(Struct, frozen=True, kw_only=True):
    tickets: tuple[_Head, ...]


class _Written(Struct, frozen=True, kw_only=True):
    ticket: _Head


def ticket_path(remote_id: str) -> str:
    """The ticket's address; a comment's begins with it."""
    return f"{TICKETS}/{quote(remote_id, safe='')}"


def read(remote_id: str, account: Account) -> VendorRequest:
    """One ticket and its people."""
    return VendorRequest(method="GET", path=ticket_path(remote_id), route=ONE, query=(INCLUDE,))


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The ticket of an answer about one, or of a look-up by external id: of several the one that was made first."""
    answer = decode(reply.body, _Answer)
    found = answer.ticket or min(answer.tickets, key=_number, default=None)
    return found, with_people(account, answer.users)


def list_tickets(query: ListQuery, account: Account) -> VendorRequest:
    """A page of tickets. There is no filter by status: only the search has one, which lags and ends at 1,000."""
    if (number := query.filters.get("number")) is not None:
        ids = ("ids", number if number.isascii() and number.isdecimal() else "0")
        return VendorRequest(method="GET", path=SHOW_MANY, route=SHOW_MANY, query=(ids, INCLUDE))
    if (external_id := query.filters.get("external_id")) is not None:
        return listed(TICKETS, query, (("external_id", external_id), INCLUDE))
    if query.updated_since is not None:
        return exported("tickets", query.updated_since, query, (INCLUDE,))
    return listed(TICKETS, query, (INCLUDE,))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The tickets of a page."""
    answer = decode(reply.body, _Listed)
    return Page(
        records=kept(answer.tickets, query),
        next=following(answer),
        account=with_people(account, answer.users),
    )


def create(body: TicketWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new ticket, marked."""
    marked = replace(body, external_id=body.external_id or f"{MARK}{marker}")
    return VendorRequest(
        method="POST",
        path=TICKETS,
        route=TICKETS,
        body=_body(marked),
        headers=(("Idempotency-Key", marker),),
        effect=True,
        idempotent=True,
    )


def update(remote_id: str, body: TicketWrite, marker: str, account: Account) -> VendorRequest:
    """Change a ticket."""
    return VendorRequest(method="PUT", path=ticket_path(remote_id), route=ONE, body=_body(body), effect=True)


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """What became of a write. The answer does not say who the requester is, so the ticket is read with its people."""
    ticket = decode(reply.body, _Written).ticket
    return Receipt(remote_id=str(ticket.id), created=reply.status == 201)


def by_external_id(external_id: str, account: Account) -> VendorRequest:
    """The tickets with this external id, from the list: not the search, and so without its lag."""
    query = (("page[size]", str(MOST)), ("external_id", external_id), INCLUDE)
    return VendorRequest(method="GET", path=TICKETS, route=TICKETS, query=query)


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest | None:
    """The ticket that a lost create may have made. A ticket under the caller's own key carries no mark: None."""
    if body is not None and body.external_id:
        return None
    return by_external_id(f"{MARK}{marker}", account)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the ticket that this operation made."""
    ids = (ticket.id for ticket in decode(reply.body, _Found).tickets if ticket.external_id == f"{MARK}{marker}")
    first = min(ids, default=None)
    return None if first is None else str(first)


def _number(ticket: Raw) -> int:
    return decode(ticket, _Head).id


def _body(ticket: TicketWrite) -> bytes:
    return msgspec.json.encode(TicketBody(ticket=ticket))


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="key",
        strength="strong",
        lifetime=KEY_LIFETIME,
        note="the same request is sent again under its Idempotency-Key while Zendesk keeps it; after two hours the "
        "ticket is looked up in the list by our mark in its external id, but a ticket that was given the caller's own "
        "external id has no mark, since Zendesk does not hold external ids to be unique, and then a person decides",
    ),
    "update": Recovery(
        by="state", strength="strong", note="the ticket is read; setting the same values again is harmless"
    ),
}

ENDPOINTS: Final = Endpoints(
    read=read,
    record=record,
    list=list_tickets,
    page=page,
    filters=frozenset({"external_id", "number"}),
    max_limit=MOST,
    side_load=missing_requesters,
    absorb=absorb,
    create=create,
    update=update,
    find={"external_id": by_external_id},
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
