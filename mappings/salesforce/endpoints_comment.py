"""Endpoints of comments, through their case."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import Instant
from mappings.endpoints import Action, Endpoints, ListQuery, Recovery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.salesforce import requests
from mappings.salesforce.endpoints_sobject import MAX_LIMIT, NO_RECORD, SObject
from mappings.salesforce.field_values import CASE, is_id, long_id
from mappings.salesforce.requests import Answer, body_of, query, sobject_path
from mappings.salesforce.search import columns, moment, quoted
from mappings.salesforce.wire_v62 import Account, RecordWrite
from mappings.spec import decode

COMMENT: Final = SObject(object="comment")
BEFORE: Final = timedelta(minutes=5)
"""How far our clock may be ahead of Salesforce's."""
MOST: Final = 2000
"""Comments that one answer holds."""


class _Head(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    created_date: Instant


class _Comment(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    comment_body: str | None = None
    is_published: bool = False


def list_comments(query_: ListQuery, account: Account) -> VendorRequest:
    """Build the query for a page of a case's comments. The cursor is the time and id of the last comment. Raises
    ValueError for a foreign cursor."""
    order, beyond = ("DESC", "<") if query_.newest_first else ("ASC", ">")
    parent = query_.parent or ""
    conditions = [f"ParentId = {quoted(parent)}" if is_id(parent, (CASE,)) else NO_RECORD]
    if query_.after is not None:
        text, _, id = query_.after.rpartition("/")
        if not is_id(id):
            raise ValueError("not a cursor of this list")
        since = moment(msgspec.convert(text, datetime))
        behind = f"CreatedDate {beyond} {since}"
        conditions.append(f"({behind} OR (CreatedDate = {since} AND Id {beyond} {quoted(id)}))")
    selected, condition = columns("comment", account), " AND ".join(conditions)
    order_by = f"CreatedDate {order}, Id {order}"
    return query(
        " ".join(
            ("SELECT", selected, "FROM CaseComment WHERE", condition, "ORDER BY", order_by, "LIMIT", str(query_.limit))
        )
    )


def comment_page(reply: VendorReply, query_: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the comments of a page."""
    records = decode(reply.body, Answer).records
    following: str | None = None
    if len(records) >= query_.limit and records:
        last = decode(records[-1], _Head)
        following = f"{moment(last.created_date)}/{last.id}"
    return VendorPage(records=records, next=following, account=account)


def create_comment(body: RecordWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a comment on the case `parent`."""
    path = sobject_path("CaseComment")
    return COMMENT.write("POST", path, path, body_of(body) | {"ParentId": parent or ""})


def find_marker(marker: str, parent: str | None, body: RecordWrite | None, account: Account) -> VendorRequest | None:
    """Build the query for the comments that were added to the case since the operation began. None for a marker without
    a time. The text of a comment cannot be searched."""
    began = markers.began(marker)
    if began is None or parent is None or not is_id(parent, (CASE,)):
        return None
    since = moment(began - BEFORE)
    condition = f"ParentId = {quoted(parent)} AND CreatedDate >= {since}"
    selected, order_by = "Id, CommentBody, IsPublished", "CreatedDate ASC, Id ASC"
    return query(
        " ".join(("SELECT", selected, "FROM CaseComment WHERE", condition, "ORDER BY", order_by, "LIMIT", str(MOST)))
    )


def alike(reply: VendorReply, marker: str, body: RecordWrite) -> tuple[str, ...]:
    """Return the ids of the comments with this text and visibility."""
    sent = body_of(body)
    text, published = _folded(sent.get("CommentBody")), sent.get("IsPublished") is True
    comments = (decode(record, _Comment) for record in decode(reply.body, Answer).records)
    return tuple(
        long_id(one.id) for one in comments if _folded(one.comment_body) == text and one.is_published is published
    )


def _folded(text: str | None) -> list[str]:
    """Return the words of a text, because Salesforce trims a comment and has its own line ends."""
    return (text or "").split()


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="marker",
        strength="listed",
        note="Salesforce's case comments have neither custom fields nor idempotency keys. A lost one is looked up "
        "among those of its case: the same text and visibility, since the operation began, and not added by another "
        "operation. If it is absent twice, ten minutes apart, it is sent once more",
    ),
}
CASE_COMMENTS: Final = Endpoints[RecordWrite, Account](
    read=None,
    record=COMMENT.record,
    list=list_comments,
    page=comment_page,
    max_limit=MAX_LIMIT,
    updated_since=False,
    create=create_comment,
    write_result=requests.write_result,
    find_marker=find_marker,
    alike=alike,
    recovery=RECOVERY,
)
