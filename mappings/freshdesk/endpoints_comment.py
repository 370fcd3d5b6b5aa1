"""Requests for conversations: through their ticket, always oldest first.

A public comment is a reply, which Freshdesk mails to the requester. A private one is a note. Neither can hold an
operation id, so a lost one is recognised by its text among those of its ticket.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from mappings.endpoints import Action, Endpoints, ListQuery, Recovery, VendorPage, WriteResult
from mappings.freshdesk.endpoints_ticket import TICKETS
from mappings.freshdesk.requests import BEFORE, MOST, has_more, next_page
from mappings.freshdesk.wire_v2 import Account, Conversation, ConversationWrite
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.html import has_words
from mappings.kit.paging import page_number
from mappings.kit.rest import bare, remote_id
from mappings.spec import decode


def list_conversations(query: ListQuery, account: Account) -> VendorRequest:
    """Return the request for a page of a ticket's replies and notes."""
    paging = (("page", str(page_number(query.after))), ("per_page", str(min(query.limit, MOST))))
    return TICKETS.read_below(query.parent, "conversations", *paging)


def page(reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the conversations of a page."""
    following = str(page_number(query.after) + 1) if has_more(reply) else None
    return VendorPage(records=bare(reply), next=following, account=account)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the conversation in the answer to a write."""
    return Raw(reply.body), account


def create(body: ConversationWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Return the request that replies to the ticket `parent` or adds a note to it."""
    kind, sent = ("notes", body) if body.private is True else ("reply", replace(body, private=UNSET))
    return TICKETS.add_below(parent, kind, msgspec.json.encode(sent))


def write_result(reply: VendorReply, action: Action) -> WriteResult:
    """Return the result with the conversation in the answer."""
    return WriteResult(remote_id=remote_id(Raw(reply.body)), record=Raw(reply.body), created=True)


def find_marker(
    marker: str, parent: str | None, body: ConversationWrite | None, account: Account
) -> VendorRequest | None:
    """Return the request for the first page of the ticket's replies and notes. None for a marker without a time."""
    if markers.began(marker) is None:
        return None
    return list_conversations(ListQuery(parent=parent, limit=MOST), account)


def alike(reply: VendorReply, marker: str, body: ConversationWrite) -> tuple[str, ...]:
    """Return the ids of outgoing messages with this text and visibility that were added since the operation began."""
    began = markers.began(marker)
    conversations = decode(reply.body, tuple[Conversation, ...])
    return tuple(
        str(one.id)
        for one in conversations
        if not one.incoming
        and (one.private is True) == (body.private is True)
        and has_words(body.body, one.body_text)
        and began is not None
        and one.created_at is not None
        and one.created_at >= began - BEFORE
    )


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="listed",
        note="Freshdesk's replies and notes have neither custom fields nor idempotency keys. A lost one is looked up "
        "in the conversation of its ticket: the same text and visibility, not from the requester, since the operation "
        "began, and not added by another operation. If it is absent twice, ten minutes apart, it is sent once more",
    ),
}

ENDPOINTS: Final = Endpoints(
    read=None,
    record=record,
    list=list_conversations,
    page=page,
    max_limit=MOST,
    updated_since=False,
    create=create,
    write_result=write_result,
    find_marker=find_marker,
    alike=alike,
    marker_page=next_page,
    recovery=RECOVERY,
)
