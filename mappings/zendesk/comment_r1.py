"""Zendesk ticket comment (Support API v2) ↔ canonical Comment, revision 1."""

import re
from typing import Final

from msgspec import UNSET

from canonical import values
from canonical.parts import Attachment, Loss
from canonical.ticket import Author, AuthorKind, Comment, CommentPatch, Visibility
from mappings.kit.comments import body_of, is_private
from mappings.kit.contact_points import email_address
from mappings.kit.html import sanitised
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping
from mappings.zendesk import wire_v2
from mappings.zendesk.endpoints_comment import ENDPOINTS
from mappings.zendesk.wire_v2 import Account, CommentWrite

AUTHOR_KIND: Final[dict[str | None, AuthorKind]] = {"end-user": "customer", "agent": "agent", "admin": "agent"}
WRAPPED: Final = re.compile(r'<div class="zd-comment[^"]*"(?: dir="auto")?>(.*)</div>\s*', re.DOTALL)
DIV: Final = re.compile(r"<(/?)div\b", re.IGNORECASE)
SYSTEM: Final = -1
"""The author id of Zendesk itself."""
VISIBILITY: Final[dict[bool | None, tuple[Visibility, str | None]]] = {
    True: ("public", "true"),
    False: ("private", "false"),
    None: ("unknown", None),
}


def to_canonical(record: wire_v2.Comment, account: Account) -> Mapped[Comment]:
    """Map a comment. Its author has the side-loaded data of the id."""
    loss: list[Loss] = []
    visibility, visibility_raw = VISIBILITY[record.public]
    created_at = values.utc(record.created_at)
    comment = Comment(
        remote_id=str(record.id),
        author=_author(record.author_id, account, loss),
        body_text=record.plain_body or record.body or "",
        body_html=None if record.html_body is None else sanitised(unwrapped(record.html_body), "/body_html", loss),
        visibility=visibility,
        visibility_raw=visibility_raw,
        attachments=tuple(
            [
                Attachment(
                    remote_id=str(file.id),
                    name=file.file_name,
                    content_type=file.content_type,
                    size=file.size,
                    url=file.content_url,
                )
                for file in record.attachments or ()
            ]
        ),
        created_at=created_at,
    )
    return Mapped(data=comment, remote=Remote(id=comment.remote_id, created_at=created_at), loss=tuple(loss))


def unwrapped(html: str) -> str:
    """Return the HTML of a comment without the `<div>` that Zendesk puts around each."""
    wrapped = WRAPPED.fullmatch(html)
    if wrapped is None:
        return html
    depth = 0
    for mark in DIV.finditer(wrapped[1]):
        depth += -1 if mark[1] else 1
        if depth < 0:  # the first one ends before the text does
            return html
    return wrapped[1]


def to_vendor(patch: CommentPatch, current: wire_v2.Comment | None, account: Account) -> Draft[CommentWrite]:
    """Draft a comment: plain text or HTML, public or for agents only."""
    notes = Notes()
    html, text = body_of(patch, "Zendesk", notes)
    public = not is_private(patch, notes)
    return notes.draft(CommentWrite(body=text or UNSET, html_body=html or UNSET, public=public))


def _author(author_id: int | None, account: Account, loss: list[Loss]) -> Author:
    if author_id is None:
        return Author()
    if author_id == SYSTEM:
        return Author(kind="system", remote_id=str(author_id))
    person = account.people.get(author_id)
    if person is None:
        return Author(remote_id=str(author_id))
    email = email_address(person.email, "/author/email", loss, "lower-cased")
    return Author(
        kind=AUTHOR_KIND.get(person.role, "unknown"),
        kind_raw=person.role,
        remote_id=str(author_id),
        name=person.name,
        email=email,
    )


COMMENT: Final = VendorMapping(
    vendor="zendesk",
    object="comment",
    revision=1,
    vendor_api="v2",
    record=wire_v2.Comment,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
)
