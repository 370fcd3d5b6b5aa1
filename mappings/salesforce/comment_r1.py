"""Salesforce case comment (API 62.0) ↔ canonical Comment, revision 1. It is plain text. Customers see a published
one."""

from typing import Final

from canonical import parts
from canonical.parts import Loss
from canonical.ticket import Author, AuthorKind, Comment, CommentPatch, Visibility
from mappings.kit.comments import NO_TEXT, is_private
from mappings.kit.contact_points import email_address
from mappings.kit.html import plain
from mappings.salesforce.endpoints_comment import CASE_COMMENTS
from mappings.salesforce.field_values import STORES, instant, long_id
from mappings.salesforce.wire_v62 import Account, CaseComment, CommentFields, RecordWrite
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

AUTHOR_KIND: Final[dict[str | None, AuthorKind]] = {
    "Standard": "agent",
    "CsnOnly": "agent",
    "CustomerSuccess": "customer",
    "PowerCustomerSuccess": "customer",
    "CspLitePortal": "customer",
    "Guest": "customer",
    "AutomatedProcess": "system",
    "CloudIntegrationUser": "system",
}
"""By the type of the user (Object Reference, User): Standard is an employee, most others are of customers' portals."""
VISIBILITY: Final[dict[bool | None, tuple[Visibility, str | None]]] = {
    True: ("public", "true"),
    False: ("private", "false"),
    None: ("unknown", None),
}
MOST_BYTES: Final = 4000


def to_canonical(record: CaseComment, account: Account) -> Mapped[Comment]:
    """Return the comment."""
    loss: list[Loss] = []
    visibility, visibility_raw = VISIBILITY[record.is_published]
    created_at = instant(record.created_date)
    comment = Comment(
        remote_id=long_id(record.id),
        author=_author(record, loss),
        body_text=record.comment_body or "",
        visibility=visibility,
        visibility_raw=visibility_raw,
        created_at=created_at,
    )
    return Mapped(data=comment, remote=Remote(id=comment.remote_id, created_at=created_at), loss=tuple(loss))


def _author(record: CaseComment, loss: list[Loss]) -> Author:
    person = record.created_by
    if person is None:
        return Author(remote_id=record.created_by_id)
    email = email_address(person.email, "/author/email", loss)
    return Author(
        kind=AUTHOR_KIND.get(person.user_type, "unknown"),
        kind_raw=person.user_type,
        remote_id=record.created_by_id,
        name=person.name,
        email=email,
    )


def to_vendor(patch: CommentPatch, current: CaseComment | None, account: Account) -> Draft[RecordWrite]:
    """Return the write. The request names the case."""
    notes = Notes()
    body = parts.sent_or(plain(patch.body_text, patch.body_html, "/body_html", "Salesforce", notes), "")
    if not body.strip():
        notes.invalid("/body_text", NO_TEXT)
    if len(body.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        notes.invalid("/body_text", f"Salesforce keeps at most {MOST_BYTES} bytes of a comment")
    fields = CommentFields(comment_body=body, is_published=not is_private(patch, notes))
    return notes.draft(RecordWrite(fields=fields))


COMMENT: Final = VendorMapping(
    vendor="salesforce",
    object="comment",
    revision=1,
    vendor_api="v62.0",
    record=CaseComment,
    account=Account,
    endpoints=CASE_COMMENTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores=STORES,
)
