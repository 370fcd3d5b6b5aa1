"""How comments are reached: through their case."""

from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import Instant
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce import requests
from mappings.salesforce.endpoints_sobject import MAX_LIMIT, NOBODY
from mappings.salesforce.field_values import CASE, is_id
from mappings.salesforce.requests import Answer, body_of, query, sobject_path
from mappings.salesforce.search import columns, moment, quoted
from mappings.salesforce.wire_v62 import Account, CommentFields, RecordWrite
from mappings.spec import Action, Endpoints, ListQuery, Page, Recovery, decode


class _Placed(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    created_date: Instant


def list_comments(query_: ListQuery, account: Account) -> VendorRequest:
    """A page of a case's comments, oldest first unless it is asked otherwise. The cursor is the last comment's time and
    id. Raises ValueError for one that is none."""
    way, beyond = ("DESC", "<") if query_.newest_first else ("ASC", ">")
    parent = query_.parent or ""
    conditions = [f"ParentId = {quoted(parent)}" if is_id(parent, (CASE,)) else NOBODY]
    if query_.after is not None:
        text, _, id = query_.after.rpartition("/")
        if not is_id(id):
            raise ValueError("not a place among comments")
        since = moment(msgspec.convert(text, datetime))
        behind = f"CreatedDate {beyond} {since}"
        conditions.append(f"({behind} OR (CreatedDate = {since} AND Id {beyond} {quoted(id)}))")
    return query(
        " ".join(
            (
                *("SELECT", columns("comment", account), "FROM CaseComment WHERE", " AND ".join(conditions)),
                *(f"ORDER BY CreatedDate {way}, Id {way}", "LIMIT", str(query_.limit)),
            )
        )
    )


def comment_page(reply: VendorReply, query_: ListQuery, account: Account) -> Page[Account]:
    """The comments of a page."""
    records = decode(reply.body, Answer).records
    following: str | None = None
    if len(records) >= query_.limit and records:
        last = decode(records[-1], _Placed)
        following = f"{moment(last.created_date)}/{last.id}"
    return Page(records=records, next=following, account=account)


def create_comment(body: RecordWrite, _marker: str, parent: str | None, _account: Account) -> VendorRequest:
    """Add a comment to the case `parent`."""
    path = sobject_path("CaseComment")
    fields = body.fields
    if isinstance(fields, CommentFields):
        fields = msgspec.structs.replace(fields, parent_id=parent or "")
    return VendorRequest(
        method="POST",
        path=path,
        route=path,
        body=msgspec.json.encode(body_of(RecordWrite(fields=fields))),
        effect=True,
    )


COMMENTS: Final[dict[Action, Recovery]] = {
    "comment": Recovery(
        by="none",
        note="Salesforce's case comments take neither a field of ours nor a key, and their text cannot be searched "
        "for: look at the case whether the comment is there",
    ),
}
CASE_COMMENTS: Final = Endpoints[RecordWrite, Account](
    read=None,
    record=partial(requests.record, "comment"),
    list=list_comments,
    page=comment_page,
    max_limit=MAX_LIMIT,
    updated_since=False,
    create=create_comment,
    receipt=requests.receipt,
    recovery=COMMENTS,
)
