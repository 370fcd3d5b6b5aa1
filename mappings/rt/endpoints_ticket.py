"""Requests for tickets and replies about them.

A create carries two links, for the operation and for the caller's key. Request Tracker keeps them in the same database
transaction as the ticket and finds them by a search of that database. A change is bound to the version that was read if
the caller asks for it: Request Tracker compares the last entry of the history that its user can see.
"""

import dataclasses
from typing import Final

from msgspec import Raw, UnsetType
from msgspec.structs import replace

from mappings.endpoints import Action, Recovery, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.recovery import same_values
from mappings.kit.rest import Collection, wrapped
from mappings.rt import related
from mappings.rt.account import QUEUE
from mappings.rt.metadata import address_of_key, address_of_mark
from mappings.rt.paging import BY_NUMBER, FILTERS, SORTS
from mappings.rt.requests import MOST, TICKET_LIST, without_related
from mappings.rt.wire_rest2 import API, Account, TicketWrite
from mappings.spec import decode

FIELDS: Final = (
    "Subject,Status,Priority,Queue,Owner,Requestor,Cc,AdminCc,Due,Resolved,Created,LastUpdated,CustomFields,_hyperlinks"
)
IF_MATCH: Final = "If-Match"


def mark(body: TicketWrite, marker: str, account: Account) -> TicketWrite:
    """Return the body of a new ticket, marked."""
    links = () if isinstance(body.refers_to, UnsetType) else body.refers_to
    return replace(body, refers_to=(*links, address_of_mark(marker)))


def with_version(reply: VendorReply, account: Account) -> Account:
    """Return the account with the version of a ticket that was read by its number. Tickets of a search have none."""
    is_list = "items" in decode(reply.body, dict[str, Raw])
    return without_related(account, None if is_list else reply.headers.get("etag"), people=is_list)


TICKETS: Final = Collection[TicketWrite, Account](
    path=f"{API}/ticket",
    list_path=TICKET_LIST,
    paging=BY_NUMBER,
    # A read is by number and not by a search, which does not find deleted tickets.
    list_query=(("fields", FIELDS), *related.PEOPLE_QUERY),
    records=wrapped(None, "items"),
    related=with_version,
    mark=mark,
    # A search for a marker finds only tickets that carry it.
    carries=lambda record, marker: True,
    is_whole=lambda record: False,
)


def guard(request: VendorRequest, account: Account) -> VendorRequest:
    """Bind a change to the version that was read."""
    if account.version is None:
        return request
    return replace(request, headers=(*request.headers, (IF_MATCH, account.version)))


def find_by_external_id(key: str, account: Account) -> VendorRequest:
    """Build the request for the oldest ticket that refers to a key of the caller's."""
    return _referring_to(address_of_key(key))


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return which ticket was created. The answer to a change is a list of sentences.

    Raises VendorDrift for any other answer, such as a proxy's page: the effect is then unknown.
    """
    if action == "create":
        return TICKETS.write_result(reply, action)
    decode(reply.body, list[str | None])
    return WriteResult()


def find_marker(marker: str, parent: str | None, body: TicketWrite | None, account: Account) -> VendorRequest:
    """Build the request for the ticket that refers to this operation."""
    return _referring_to(address_of_mark(marker))


def _referring_to(address: str) -> VendorRequest:
    # The characters of an address need no quoting in a search.
    return TICKETS.listed((("query", f"RefersTo = '{address}'"), ("orderby", "id"), ("per_page", "1")))


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="listed",
        note="the ticket refers to an address with the operation id; Request Tracker's search reads its database, which"
        " lacks a request that it still works on",
    ),
    "update": same_values("ticket"),
}

ENDPOINTS: Final = dataclasses.replace(
    TICKETS.endpoints(recovery=RECOVERY, find_marker=find_marker, max_limit=MOST),
    filters=FILTERS,
    sorts=SORTS,
    side_load=related.of_tickets,
    absorb=related.absorb_tickets,
    named={"team": QUEUE},
    bulk=related.bulk,
    guard=guard,
    find={"external_id": find_by_external_id},
    write_result=write_result,
)
