"""Requests for comments and replies about them: through their ticket.

An update of the ticket adds a comment, with the operation id in its metadata. Zendesk keeps the metadata in the audit
of that update and returns it with the comment. No other member can be read back.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.parts import Instant
from mappings.endpoints import Action, Endpoints, ListQuery, Recovery, VendorPage, WriteResult
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import remote_id, wrapped
from mappings.spec import Unmappable, decode
from mappings.zendesk.endpoints_ticket import TICKETS
from mappings.zendesk.paging import LISTS, MOST
from mappings.zendesk.related import INCLUDE, with_people
from mappings.zendesk.wire_v2 import MARK_FIELD, Account, Comment, CommentWrite, TicketWrite

NEWEST_FIRST: Final = ("sort", "-created_at")
comments: Final = wrapped("comment", "comments")


class _Marks(Struct, frozen=True, kw_only=True):
    lockstitch_operation_id: str | None = None


class _Metadata(Struct, frozen=True, kw_only=True):
    custom: _Marks | None = None


class _Marked(Struct, frozen=True, kw_only=True):
    metadata: _Metadata | None = None


class _Event(Struct, frozen=True, kw_only=True):
    type: str


class _Audit(Struct, frozen=True, kw_only=True):
    created_at: Instant
    events: tuple[Raw, ...]


class _Written(Struct, frozen=True, kw_only=True):
    audit: _Audit


def added_comment(answer: bytes | Raw) -> Raw | None:
    """Return the comment in the audit of a ticket's write, in the shape of the list. None if there is no comment."""
    audit = decode(answer, _Written).audit
    for event in audit.events:
        if decode(event, _Event).type == "Comment":
            comment = replace(decode(event, Comment), created_at=audit.created_at)
            return Raw(msgspec.json.encode(comment))
    return None


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the comment in the answer to a ticket's write."""
    return added_comment(reply.body), account


def list_comments(query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page of a ticket's comments and their authors, oldest first unless asked otherwise."""
    order = (NEWEST_FIRST,) if query.newest_first else ()
    return TICKETS.read_below(query.parent, "comments", *LISTS.window(query), INCLUDE, *order)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the comments of a page."""
    records, following = LISTS.page(query, comments(reply), reply)
    return VendorPage(records=records, next=following, account=with_people(reply, account))


def create(body: CommentWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request that adds a comment to the ticket `parent`."""
    ticket = TicketWrite(comment=body, metadata={MARK_FIELD: marker})
    return TICKETS.update(parent or "", ticket, marker, account)


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the comment of the audit. Raises Unmappable if there is none: the write was done, but cannot be seen."""
    comment = added_comment(reply.body)
    if comment is None:
        raise Unmappable("$.audit.events", "the audit of the write names no comment")
    return WriteResult(remote_id=remote_id(comment), record=comment, created=True)


def find_marker(marker: str, parent: str | None, body: CommentWrite | None, account: Account) -> VendorRequest:
    """Build the request for the newest comments of the ticket, among them that of a lost write."""
    return TICKETS.read_below(parent, "comments", NEWEST_FIRST, ("page[size]", str(MOST)))


def marked(reply: VendorReply, marker: str) -> str | None:
    """Return the id of the comment that this operation added."""
    return next((remote_id(comment) for comment in comments(reply) if _carries(comment, marker)), None)


def _carries(comment: Raw, marker: str) -> bool:
    metadata = decode(comment, _Marked).metadata
    return metadata is not None and metadata.custom is not None and metadata.custom.lockstitch_operation_id == marker


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="listed",
        note="the ticket's list of comments, newest first, is searched for the operation id in their metadata. "
        "Zendesk has no unique constraint and no idempotency key here: this fails if a hundred comments were added "
        "in between, or if Zendesk processes the lost request more than ten minutes later",
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
    write_result=write_result,
    find_marker=find_marker,
    marked=marked,
    recovery=RECOVERY,
)
