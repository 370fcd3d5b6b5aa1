"""How messages are reached: entries of their ticket's history, by number, in either direction.

A public one is correspondence, which Request Tracker mails to the requestors; a private one is a comment. Our operation
stands in a parameter of the message's media type, where no reader sees it and the headers of the attachment keep it.
"""

import re
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.rt import related
from mappings.rt.endpoints_ticket import ticket_path
from mappings.rt.enums import VISIBILITY
from mappings.rt.requests import MOST, ONE, Limit, afresh, listed, number, remote_id, search
from mappings.rt.wire_rest2 import SYSTEM, Account, MessageWrite, Transaction
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, decode

HISTORY: Final = f"{ONE}/history"
ATTACHMENTS: Final = f"{ONE}/attachments"
PARAMETER: Final = "lockstitch"
FIELDS: Final = (("fields", "Type,Creator,Created"), ("fields[Creator]", "EmailAddress,RealName"))
_LOCATION: Final = re.compile(r".*/transaction/([0-9]{1,18})/?")


class _Sent(Struct, frozen=True, kw_only=True, rename="pascal"):
    content: str
    content_type: str


class _Found(Struct, frozen=True, kw_only=True, rename="pascal"):
    transaction_id: str


def list_messages(query: ListQuery, account: Account) -> VendorRequest:
    """The messages of a ticket behind the last one that was seen. Raises ValueError for a cursor that is none of
    ours."""
    limits = [Limit(field="Type", operator="IN", value=tuple(VISIBILITY))]
    if query.after is not None:
        if number(query.after) == "0":
            raise ValueError("not the number of a message")
        limits.append(Limit(field="id", operator="<" if query.newest_first else ">", value=query.after))
    asked = (
        ("query", search(*limits)),
        ("orderby", "id"),
        ("order", "DESC" if query.newest_first else "ASC"),
        ("per_page", str(min(query.limit, MOST))),
        *FIELDS,
    )
    return VendorRequest(method="GET", path=f"{ticket_path(query.parent or '')}/history", route=HISTORY, query=asked)


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The messages of a page, and whose they are."""
    found, more = listed(reply)
    authors = dict.fromkeys(decode(one, Transaction).creator.id for one in found)
    asked = [name for name in authors if name != SYSTEM and _has_an_address(name)][: related.MOST_AUTHORS]
    return Page(
        records=found,
        next=remote_id(found[-1]) if found and more else None,
        account=replace(afresh(account, None, people=True), authors=tuple(asked)),
    )


def _has_an_address(login: str) -> bool:
    """A slash would be part of the address, and a number there is that of another user, or of none."""
    return "/" not in login and not login.isdecimal() and login.strip(".") != ""


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The message of an answer about one entry of the history."""
    return Raw(reply.body), account


def create(body: MessageWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Say something at the ticket `parent`, marked."""
    kind = "comment" if body.private else "correspond"
    marked = _Sent(content=body.content, content_type=f'{body.content_type}; {PARAMETER}="{marker}"')
    return VendorRequest(
        method="POST",
        path=f"{ticket_path(parent or '')}/{kind}",
        route=f"{ONE}/{kind}",
        body=msgspec.json.encode(marked),
        effect=True,
    )


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The number of the message, which stands in the address of the new entry; it is found among the ticket's."""
    place = _LOCATION.fullmatch(reply.headers.get("location", ""))
    return Receipt(remote_id=None if place is None else place[1], created=True)


def find_marker(marker: str, parent: str | None, body: MessageWrite | None, account: Account) -> VendorRequest:
    """The text at the ticket whose headers name this operation."""
    query = search(Limit(field="Headers", operator="LIKE", value=marker))
    return VendorRequest(
        method="GET",
        path=f"{ticket_path(parent or '')}/attachments",
        route=ATTACHMENTS,
        query=(("query", query), ("fields", "TransactionId"), ("orderby", "id"), ("per_page", "1")),
    )


def marked(reply: VendorReply, marker: str) -> str | None:
    """The number of the message that this operation wrote: the first one, for what is mailed on comes later."""
    found, _ = listed(reply)
    return decode(found[0], _Found).transaction_id if found else None


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="strong",
        note="the headers of the message name our operation, and Request Tracker's search reads its database",
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
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
