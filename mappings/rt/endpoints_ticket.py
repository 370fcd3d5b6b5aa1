"""How tickets are reached.

A create carries two links, for the operation and for the caller's key, which Request Tracker keeps in the same database
transaction as the ticket and finds by a search of that database. A change is held to the version that was read where
the caller asks for that: Request Tracker compares the last entry of the history that its user can see.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, UnsetType
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.rt import related
from mappings.rt.metadata import address_of_key, address_of_mark
from mappings.rt.paging import FIELDS, FILTERS, list_tickets, page
from mappings.rt.requests import MOST, ONE, TICKET, TICKETS, afresh, listed, remote_id
from mappings.rt.wire_rest2 import Account, TicketWrite
from mappings.spec import Action, Endpoints, Receipt, Recovery, decode

IF_MATCH: Final = "If-Match"


def ticket_path(remote_id: str) -> str:
    """The ticket's address; those of its messages begin with it."""
    return f"{TICKET}/{quote(remote_id, safe='')}"


def read(remote_id: str, account: Account) -> VendorRequest:
    """One ticket. By its number, because no search finds a deleted one."""
    return VendorRequest(method="GET", path=ticket_path(remote_id), route=ONE)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The ticket of an answer about one, or the first one of a search."""
    if "items" in decode(reply.body, dict[str, Raw]):
        found, _ = listed(reply)
        return (found[0] if found else None), afresh(account, None, people=True)
    return Raw(reply.body), afresh(account, reply.headers.get("etag"), people=False)


def create(body: TicketWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """A new ticket, marked."""
    links = () if isinstance(body.refers_to, UnsetType) else body.refers_to
    marked = replace(body, refers_to=(*links, address_of_mark(marker)))
    return VendorRequest(method="POST", path=TICKET, route=TICKET, body=msgspec.json.encode(marked), effect=True)


def update(remote_id: str, body: TicketWrite, marker: str, account: Account) -> VendorRequest:
    """Change a ticket."""
    return VendorRequest(
        method="PUT", path=ticket_path(remote_id), route=ONE, body=msgspec.json.encode(body), effect=True
    )


def guard(request: VendorRequest, account: Account) -> VendorRequest:
    """The same change, held to the version that was read."""
    if account.version is None:
        return request
    return replace(request, headers=(*request.headers, (IF_MATCH, account.version)))


def find_by_external_id(key: str, account: Account) -> VendorRequest:
    """The oldest ticket that refers to a key of the caller's."""
    return _referring_to(address_of_key(key))


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """What became of a write. The answer to a change is a list of sentences, so the ticket is read either way.

    Raises VendorDrift for another answer, such as a page of something that stands before it: that tells nothing.
    """
    if action == "create":
        return Receipt(remote_id=remote_id(reply.body), created=True)
    decode(reply.body, list[str | None])
    return Receipt()


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest:
    """The ticket that refers to this operation."""
    return _referring_to(address_of_mark(marker))


def marked(reply: VendorReply, marker: str) -> str | None:
    """The number of the ticket that this operation made."""
    found, _ = listed(reply)
    return remote_id(found[0]) if found else None


def _referring_to(address: str) -> VendorRequest:
    # What an address is spelled with needs no quoting in a search.
    query = (("query", f"RefersTo = '{address}'"), ("orderby", "id"), ("per_page", "1"), *FIELDS)
    return VendorRequest(method="GET", path=TICKETS, route=TICKETS, query=query)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="the ticket refers to an address that names our operation; Request Tracker's search reads its database",
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
    filters=FILTERS,
    max_limit=MOST,
    side_load=related.of_tickets,
    absorb=related.absorb_tickets,
    bulk=related.bulk,
    create=create,
    update=update,
    guard=guard,
    find={"external_id": find_by_external_id},
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
