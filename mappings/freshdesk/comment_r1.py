"""Freshdesk conversation (API v2) ↔ canonical Comment, revision 1."""

from typing import Final

from canonical import values
from canonical.parts import Loss
from canonical.ticket import Author, AuthorKind, Comment, CommentPatch, Visibility
from mappings.freshdesk import wire_v2
from mappings.freshdesk.endpoints_comment import ENDPOINTS
from mappings.freshdesk.field_values import OWN_FONT, PLAIN, address_of, attachments
from mappings.freshdesk.wire_v2 import Account, ConversationWrite
from mappings.kit.comments import body_of, is_private
from mappings.kit.html import html_of, sanitised
from mappings.spec import Draft, Mapped, Notes, Remote, VendorMapping

# The answer to a reply has neither flag: it is public, and of an agent.
VISIBILITY: Final[dict[bool | None, tuple[Visibility, str | None]]] = {
    False: ("public", "false"),
    True: ("private", "true"),
    None: ("public", "false"),
}
AUTHOR_KIND: Final[dict[bool | None, tuple[AuthorKind, str | None]]] = {
    True: ("customer", "true"),
    False: ("agent", "false"),
    None: ("agent", "false"),
}
"""By `incoming`: whether the requester's side wrote it."""


def to_canonical(record: wire_v2.Conversation, account: Account) -> Mapped[Comment]:
    """Return a message as a canonical comment. Freshdesk names the author by id; incoming mail also has the sender."""
    loss: list[Loss] = []
    visibility, visibility_raw = VISIBILITY[record.private]
    kind, kind_raw = AUTHOR_KIND[record.incoming]
    # The sender of an outgoing message is a support mailbox, not the agent's address.
    name, email = address_of(record.from_email) if record.incoming else (None, None)
    created_at = values.utc(record.created_at)
    comment = Comment(
        remote_id=str(record.id),
        author=Author(
            kind=kind,
            kind_raw=kind_raw,
            remote_id=None if record.user_id is None else str(record.user_id),
            name=name,
            email=email,
        ),
        body_text=record.body_text or "",
        body_html=None if record.body is None else sanitised(record.body, "/body_html", loss, own=OWN_FONT),
        visibility=visibility,
        visibility_raw=visibility_raw,
        attachments=attachments(record.attachments) if record.attachments else (),
        created_at=created_at,
    )
    return Mapped(data=comment, remote=Remote(id=comment.remote_id, created_at=created_at), loss=tuple(loss))


def to_vendor(patch: CommentPatch, current: wire_v2.Conversation | None, account: Account) -> Draft[ConversationWrite]:
    """Return the body of a write: a public reply, or a note that only agents see."""
    notes = Notes()
    html, text = body_of(patch, "Freshdesk", notes)
    return notes.draft(
        ConversationWrite(body=html or (html_of(text) if text else ""), private=is_private(patch, notes))
    )


COMMENT: Final = VendorMapping(
    vendor="freshdesk",
    object="comment",
    revision=1,
    vendor_api="v2",
    record=wire_v2.Conversation,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=to_vendor,
    stores={"body_text": PLAIN},
)
