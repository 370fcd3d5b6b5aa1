"""Request Tracker message (REST2, RT 5.0) ↔ canonical Comment, revision 1: an entry of a ticket's history."""

from typing import Final

from canonical import values
from canonical.parts import Loss
from canonical.ticket import Author, AuthorKind, Comment, CommentPatch
from mappings.kit.comments import body_of, is_private
from mappings.kit.contact_points import email_address
from mappings.rt import enums, wire_rest2
from mappings.rt.endpoints_comment import ENDPOINTS
from mappings.rt.field_values import ONE_BREAK, text_and_html
from mappings.rt.wire_rest2 import SYSTEM, Account, MessageWrite
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

WITHOUT_TEXT: Final = Loss(
    path="/body_text", kind="dropped", detail="Request Tracker keeps the text in an attachment, which was not read"
)


def to_canonical(record: wire_rest2.Transaction, account: Account) -> Mapped[Comment]:
    """Map a message, with its text and author from further reads."""
    loss: list[Loss] = []
    text, html = None, None
    if account.messages is None:
        loss.append(WITHOUT_TEXT)
    else:
        text, html = text_and_html(account.messages.get(record.id), "/body_text", "/body_html", loss)
    created_at = values.utc(record.created)
    comment = Comment(
        remote_id=record.id,
        author=_author(record.creator, account, loss),
        body_text=text or "",
        body_html=html,
        visibility=enums.VISIBILITY.get(record.type, "unknown"),
        visibility_raw=record.type,
        created_at=created_at,
    )
    return Mapped(data=comment, remote=Remote(id=record.id, created_at=created_at), loss=tuple(loss))


def to_vendor(patch: CommentPatch, current: wire_rest2.Transaction | None, account: Account) -> Draft[MessageWrite]:
    """Draft a message: public correspondence, or a comment for agents."""
    notes = Notes()
    html, text = body_of(patch, "Request Tracker", notes)
    content_type = "text/html" if html else "text/plain"
    private = is_private(patch, notes)
    return notes.draft(MessageWrite(content=html or text or "", content_type=content_type, private=private))


def _author(person: wire_rest2.Person, account: Account, loss: list[Loss]) -> Author:
    privileged = account.privileged.get(person.id)
    kind: AuthorKind = "system" if person.id == SYSTEM else "unknown"
    email = email_address(person.email_address, "/author/email", loss, "lower-cased")
    return Author(
        kind=kind if privileged is None else enums.AUTHOR[privileged],
        kind_raw=person.id if kind == "system" else None if privileged is None else str(int(privileged)),
        remote_id=person.id,
        name=person.real_name or None,
        email=email,
    )


COMMENT: Final = VendorMapping(
    vendor="rt",
    object="comment",
    revision=1,
    vendor_api="REST2",
    record=wire_rest2.Transaction,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores={"body_text": ONE_BREAK, "body_html": ONE_BREAK},
)
