"""Requests for messages and replies about them: entries of their ticket's history, by number, in either direction.

A public message is correspondence, which Request Tracker mails to the requestors. A private one is a comment. A
parameter of the message's media type has the operation id. Readers do not see it. The attachment's headers keep it.
"""

import re
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.endpoints import Action, Endpoints, ListQuery, Recovery, VendorPage, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.rt import related
from mappings.rt.endpoints_ticket import TICKETS
from mappings.rt.enums import VISIBILITY
from mappings.rt.paging import following
from mappings.rt.requests import MOST, Limit, listed, number, search, without_related
from mappings.rt.wire_rest2 import SYSTEM, Account, MessageWrite, Transaction
from mappings.spec import decode

PARAMETER: Final = "lockstitch"
FIELDS: Final = (("fields", "Type,Creator,Created"), ("fields[Creator]", "EmailAddress,RealName"))
_LOCATION: Final = re.compile(r".*/transaction/([0-9]{1,18})/?")


class _Sent(Struct, frozen=True, kw_only=True, rename="pascal"):
    content: str
    content_type: str


class _Attachment(Struct, frozen=True, kw_only=True, rename="pascal"):
    transaction_id: str


def list_messages(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for the messages of a ticket after the last one. Raises ValueError for a foreign cursor."""
    limits = [Limit(field="Type", operator="IN", value=tuple(VISIBILITY))]
    if query.after is not None:
        if number(query.after) == "0":
            raise ValueError("not the number of a message")
        limits.append(Limit(field="id", operator="<" if query.newest_first else ">", value=query.after))
    parameters = (
        ("query", search(*limits)),
        ("orderby", "id"),
        ("order", "DESC" if query.newest_first else "ASC"),
        ("per_page", str(min(query.limit, MOST))),
        *FIELDS,
    )
    return TICKETS.read_below(query.parent, "history", *parameters)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the messages of a page, and their authors."""
    entries, _ = listed(reply)
    authors = dict.fromkeys(decode(one, Transaction).creator.id for one in entries)
    addressable = [name for name in authors if name != SYSTEM and _is_addressable(name)]
    return VendorPage(
        records=entries,
        next=following(reply),
        account=replace(without_related(account, None, people=True), authors=tuple(addressable)),
    )


def _is_addressable(login: str) -> bool:
    """Return whether a user can be read by login name: the path of a user cannot hold a slash, and takes a number as an
    id."""
    return "/" not in login and not login.isdecimal() and login.strip(".") != ""


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the message of a read of one entry of the history."""
    return Raw(reply.body), account


def create(body: MessageWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new message of the ticket `parent`, marked."""
    kind = "comment" if body.private else "correspond"
    marked = _Sent(content=body.content, content_type=f'{body.content_type}; {PARAMETER}="{marker}"')
    return TICKETS.add_below(parent, kind, msgspec.json.encode(marked))


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the number of the message, from the address of the new entry."""
    place = _LOCATION.fullmatch(reply.headers.get("location", ""))
    return WriteResult(remote_id=None if place is None else place[1], created=True)


def find_marker(marker: str, parent: str | None, body: MessageWrite | None, account: Account) -> VendorRequest:
    """Build the request for the attachment of the ticket whose headers name this operation."""
    query = search(Limit(field="Headers", operator="LIKE", value=marker))
    parameters = (("query", query), ("fields", "TransactionId"), ("orderby", "id"), ("per_page", "1"))
    return TICKETS.read_below(parent, "attachments", *parameters)


def marked(reply: VendorReply, marker: str) -> str | None:
    """Return the number of the message that this operation wrote: the first one, because copies sent by mail follow."""
    attachments, _ = listed(reply)
    return decode(attachments[0], _Attachment).transaction_id if attachments else None


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="listed",
        note="the headers of the message have the operation id; Request Tracker's search reads its database, which"
        " lacks a request that it still works on",
    ),
}

ENDPOINTS: Final = Endpoints(
    read=None,
    record=record,
    list=list_messages,
    page=page,
    max_limit=MOST,
    updated_since=False,
    side_load=related.of_messages,
    absorb=related.absorb_messages,
    bulk=related.bulk,
    create=create,
    write_result=write_result,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
