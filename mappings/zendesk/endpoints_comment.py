"""How comments are reached: through their ticket.

A comment is added by updating the ticket, together with metadata that names our operation. Zendesk keeps the metadata
in the audit of that update and shows it with the comment; nothing else can be read back.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Action, Endpoints, ListQuery, Page, Receipt, Recovery, Unmappable, decode
from mappings.zendesk.endpoints_ticket import ONE, ticket_path
from mappings.zendesk.paging import MOST, Ends, following
from mappings.zendesk.related import INCLUDE, with_people
from mappings.zendesk.wire_v2 import (
    MARK_FIELD,
    Account,
    Comment,
    CommentWrite,
    Person,
    TicketBody,
    TicketWrite,
)

COMMENTS: Final = f"{ONE}/comments"
NEWEST_FIRST: Final = ("sort", "-created_at")


class _Listed(Ends, frozen=True, kw_only=True):
    comments: tuple[Raw, ...]
    users: tuple[Person, ...] = ()


class _Marks(Struct, frozen=True, kw_only=True):
    lockstitch_operation_id: str | None = None


class _Metadata(Struct, frozen=True, kw_only=True):
    custom: _Marks | None = None


class _Marked(Struct, frozen=True, kw_only=True):
    id: int
    metadata: _Metadata | None = None


class _Found(Struct, frozen=True, kw_only=True):
    comments: tuple[_Marked, ...]


class _Event(Struct, frozen=True, kw_only=True):
    type: str


class _Audit(Struct, frozen=True, kw_only=True):
    created_at: Instant
    events: tuple[Raw, ...]


class _Written(Struct, frozen=True, kw_only=True):
    audit: _Audit


def said(reply: bytes | Raw) -> Raw | None:
    """The comment in the audit of a ticket's write, in the shape of the list; None where nothing was said."""
    audit = decode(reply, _Written).audit
    for event in audit.events:
        if decode(event, _Event).type == "Comment":
            comment = replace(decode(event, Comment), created_at=audit.created_at)
            return Raw(msgspec.json.encode(comment))
    return None


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The comment that an answer to a ticket's write tells of."""
    return said(reply.body), account


def list_comments(query: ListQuery, account: Account) -> VendorRequest:
    """A page of a ticket's comments, oldest first unless it is asked otherwise, and who wrote them."""
    paging: list[tuple[str, str]] = [("page[size]", str(min(query.limit, MOST))), INCLUDE]
    if query.newest_first:
        paging.append(NEWEST_FIRST)
    if query.after is not None:
        paging.append(("page[after]", query.after))
    return VendorRequest(method="GET", path=_path(query.parent or ""), route=COMMENTS, query=tuple(paging))


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The comments of a page."""
    answer = decode(reply.body, _Listed)
    return Page(records=answer.comments, next=following(answer), account=with_people(account, answer.users))


def create(body: CommentWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Add a comment to the ticket `parent`."""
    ticket = TicketWrite(comment=body, metadata={MARK_FIELD: marker})
    return VendorRequest(
        method="PUT",
        path=ticket_path(parent or ""),
        route=ONE,
        body=msgspec.json.encode(TicketBody(ticket=ticket)),
        effect=True,
    )


def receipt(reply: VendorReply, action: Action) -> Receipt:
    """The comment, out of the audit.

    Raises Unmappable for an answer without one: the write was done, but not seen.
    """
    comment = said(reply.body)
    if comment is None:
        raise Unmappable("$.audit.events", "the audit of the write names no comment")
    return Receipt(remote_id=str(decode(comment, _Marked).id), record=comment, created=True)


def find_marker(marker: str, parent: str | None, body: CommentWrite | None, account: Account) -> VendorRequest:
    """The newest comments of the ticket: the one that a lost write may have added is among them."""
    newest = (NEWEST_FIRST, ("page[size]", str(MOST)))
    return VendorRequest(method="GET", path=_path(parent or ""), route=COMMENTS, query=newest)


def marked(reply: VendorReply, marker: str) -> str | None:
    """The id of the comment that this operation added."""
    for comment in decode(reply.body, _Found).comments:
        custom = None if comment.metadata is None else comment.metadata.custom
        if custom is not None and custom.lockstitch_operation_id == marker:
            return str(comment.id)
    return None


def _path(ticket_id: str) -> str:
    return f"{ticket_path(ticket_id)}/comments"


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="strong",
        note="the ticket's own list of comments, newest first, is searched for our operation in their metadata; "
        "Zendesk has no unique constraint and no idempotency key here, so this holds unless a hundred comments came "
        "in between or the lost request is carried out after the look-up",
    ),
}

ENDPOINTS: Final = Endpoints(
    read=None,
    record=record,
    list=list_comments,
    page=page,
    max_limit=MOST,
    updated_since=False,
    create=create,
    receipt=receipt,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
