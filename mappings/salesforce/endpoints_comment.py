"""Endpoints of comments, through their case."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import Instant
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce import requests
from mappings.salesforce.endpoints_sobject import MAX_LIMIT, NO_RECORD, SObject
from mappings.salesforce.field_values import CASE, is_id
from mappings.salesforce.requests import Answer, body_of, query, sobject_path
from mappings.salesforce.search import columns, moment, quoted
from mappings.salesforce.wire_v62 import Account, RecordWrite
from mappings.spec import Action, Endpoints, ListQuery, Recovery, VendorPage, decode

COMMENT: Final = SObject(object="comment")


class _Head(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    created_date: Instant


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
    return query(
        " ".join(
            (
                *("SELECT", columns("comment", account), "FROM CaseComment WHERE", " AND ".join(conditions)),
                *(f"ORDER BY CreatedDate {order}, Id {order}", "LIMIT", str(query_.limit)),
            )
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


RECOVERY: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="none",
        note="Salesforce's case comments have neither custom fields nor idempotency keys, and their text cannot be "
        "searched: check the case for the comment",
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
    recovery=RECOVERY,
)
