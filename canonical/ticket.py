"""The ticket: a support request, and its comments. Each Struct is followed by the Patch that a caller may write."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.parts import (
    Attachment,
    CustomField,
    CustomFieldPatch,
    Instant,
    Line,
    Raw,
    Reference,
    ReferencePatch,
    ResourceMeta,
    Text,
)

TicketStatus = Literal[
    "new",
    "open",
    "waiting_on_customer",
    "waiting_on_third_party",
    "on_hold",
    "resolved",
    "closed",
    "spam",
    "deleted",
    "unknown",
]
StatusCategory = Literal["todo", "in_progress", "waiting", "done"]
TicketPriority = Literal["low", "normal", "high", "urgent", "none", "unknown"]
TicketType = Literal["question", "incident", "problem", "task", "bug", "feature_request", "other", "unknown"]
TicketChannel = Literal["email", "chat", "phone", "web_form", "api", "social", "sms", "in_app", "other", "unknown"]
FollowerKind = Literal["follower", "cc", "unknown"]
AuthorKind = Literal["agent", "customer", "system", "bot", "unknown"]
Visibility = Literal["public", "private", "unknown"]

STATUS_CATEGORY: Final[dict[TicketStatus, StatusCategory]] = {
    "new": "todo",
    "open": "in_progress",
    "waiting_on_customer": "waiting",
    "waiting_on_third_party": "waiting",
    "on_hold": "waiting",
    "resolved": "done",
    "closed": "done",
    "spam": "done",
    "deleted": "done",
    "unknown": "todo",
}
"""The coarse status for dashboards. `unknown` counts as work to do, never as done."""


class Follower(Reference, frozen=True, kw_only=True):
    """A person who is notified about the ticket."""

    kind: FollowerKind = "unknown"
    """Whether the person follows the ticket (`follower`) or gets copies of its messages (`cc`). Example: `"cc"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"email_cc"`"""


class FollowerPatch(ReferencePatch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to notify about the ticket: by an id or `email`."""

    kind: FollowerKind = "cc"


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket as read. `status_category` is derived from `status`; `status_label` is the vendor's own name for it."""

    id: str | UnsetType = UNSET
    """Canonical id, the same in all linked systems. Example: `"tkt_0198f0a2b7c47d3c9a51f2e80b6c4d19"`"""
    number: str | None = None
    """Ticket number that people use. Example: `"4711"`"""
    subject: str | None = None
    """Subject line. Example: `"Mug arrived with a crack"`"""
    description: str | None = None
    """The first message, as plain text. Example: `"The blue mug has a crack at the handle."`"""
    description_html: str | None = None
    """The first message as sanitised HTML. Example: `"<p>The blue mug has a crack at the handle.</p>"`"""
    status: TicketStatus = "unknown"
    """State of the ticket. Example: `"open"`"""
    status_raw: str | None = None
    """The vendor's own value of `status`: a word, or the id of a stage. Example: `"open"`"""
    status_category: StatusCategory = "todo"
    """Coarse state, derived from `status`; `unknown` becomes `todo`; read-only. Example: `"in_progress"`"""
    status_label: str | None = None
    """Display name of the status at the vendor; read-only. Example: `"In progress"`"""
    priority: TicketPriority = "unknown"
    """Urgency of the ticket; `none` if the vendor has none set. Example: `"normal"`"""
    priority_raw: str | None = None
    """The vendor's own word for `priority`. Example: `"normal"`"""
    type: TicketType = "unknown"
    """Kind of request. Example: `"problem"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"problem"`"""
    channel: TicketChannel = "unknown"
    """Channel that the ticket arrived through. Example: `"email"`"""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"email"`"""
    requester: Reference | None = None
    """The person who opened the ticket; null if the vendor names none."""
    assignee: Reference | None = None
    """The assigned agent. Example: `{"id": null, "connection": "zendesk", "remote_id": "235323",
    "email": "ben@example.com", "phone": null, "name": "Ben Okoro"}`"""
    team: Reference | None = None
    """The assigned team. Example: `{"id": null, "connection": "zendesk", "remote_id": "98738", "email": null,
    "phone": null, "name": "Returns"}`"""
    company: Reference | None = None
    """The company that the ticket belongs to. Example: `{"id": null, "connection": "zendesk", "remote_id": "509974",
    "email": null, "phone": null, "name": "Lee Ceramics Ltd"}`"""
    parent: Reference | None = None
    """The parent ticket. Example: `{"id": "tkt_0198f0a2b7c47d3c9a51f2e80b6c4d20", "connection": "zendesk",
    "remote_id": "4700", "email": null, "phone": null, "name": null}`"""
    merged_into: Reference | None = None
    """The ticket that this one was merged into; read-only. Example: `{"id":
    "tkt_0198f0a2b7c47d3c9a51f2e80b6c4d21", "connection": "zendesk", "remote_id": "4712", "email": null,
    "phone": null, "name": null}`"""
    followers: tuple[Follower, ...] = ()
    """People who are notified in addition to requester and assignee."""
    orders: tuple[Reference, ...] = ()
    """The orders that the ticket is about. Example: `[{"id": "ord_0198f0a2b7c47d3c9a51f2e80b6c4d18",
    "connection": "shopify", "remote_id": "5678901234", "email": null, "phone": null, "name": "#1001"}]`"""
    tags: tuple[str, ...] = ()
    """Labels of the ticket, in no particular order. Example: `["breakage"]`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    attachments: tuple[Attachment, ...] = ()
    """Files of the first message; read-only."""
    due_at: Instant | None = None
    """Due date of the ticket. Example: `"2026-05-08T17:00:00Z"`"""
    first_responded_at: Instant | None = None
    """When an agent first answered; read-only. Example: `"2026-05-01T10:05:00Z"`"""
    resolved_at: Instant | None = None
    """When the ticket was last resolved; read-only. Example: `"2026-05-04T11:20:00Z"`"""
    closed_at: Instant | None = None
    """When the ticket was closed; read-only. Example: `"2026-05-08T11:20:00Z"`"""
    external_id: str | None = None
    """The caller's own key, unique at a vendor that can store one. Example: `"form-5512"`"""
    created_at: Instant | None = None
    """When the record was created at the vendor; read-only."""
    updated_at: Instant | None = None
    """When the record last changed at the vendor; read-only. Example: `"2026-05-01T10:05:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Origin of the resource, and what its mapping lost."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload; only with `?include=raw`. Example: `{"id": 4711}`"""


class TicketPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a ticket that a caller may write. An absent field stays unchanged, `null` clears it, an array
    replaces the whole array (RFC 7396). `status` and `type` cannot be cleared; `"none"` clears `priority`."""

    subject: Line | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    """The first message as plain text; send this, `description_html`, or both with the same text."""
    description_html: Text | None | UnsetType = UNSET
    """The first message as HTML."""
    status: TicketStatus | UnsetType = UNSET
    priority: TicketPriority | UnsetType = UNSET
    type: TicketType | UnsetType = UNSET
    channel: TicketChannel | UnsetType = UNSET
    requester: ReferencePatch | None | UnsetType = UNSET
    assignee: ReferencePatch | None | UnsetType = UNSET
    team: ReferencePatch | None | UnsetType = UNSET
    company: ReferencePatch | None | UnsetType = UNSET
    parent: ReferencePatch | None | UnsetType = UNSET
    followers: tuple[FollowerPatch, ...] | None | UnsetType = UNSET
    orders: tuple[ReferencePatch, ...] | None | UnsetType = UNSET
    tags: tuple[Line, ...] | None | UnsetType = UNSET
    custom_fields: tuple[CustomFieldPatch, ...] | None | UnsetType = UNSET
    due_at: Instant | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None | UnsetType = UNSET


class Author(Reference, frozen=True, kw_only=True):
    """The author of a comment."""

    kind: AuthorKind = "unknown"
    """Kind of author. Example: `"agent"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"agent"`"""


class Comment(Struct, frozen=True, kw_only=True):
    """One message on a ticket. `body_html` is sanitised."""

    ticket_id: str | UnsetType = UNSET
    """Canonical id of the ticket. Example: `"tkt_0198f0a2b7c47d3c9a51f2e80b6c4d19"`"""
    remote_id: str
    """The vendor's id of the comment. Example: `"1274"`"""
    author: Author
    """Author of the comment."""
    body_text: str
    """The message as plain text; derived from the HTML if necessary. Example: `"A new mug is on its way."`"""
    body_html: str | None = None
    """The message as sanitised HTML; null if the vendor has none. Example: `"<p>A new mug is on its way.</p>"`"""
    visibility: Visibility = "unknown"
    """Whether the requester can see the comment. Example: `"public"`"""
    visibility_raw: str | None = None
    """The vendor's own value of `visibility`. Example: `"true"`"""
    attachments: tuple[Attachment, ...] = ()
    """Files attached to the comment."""
    created_at: Instant | None = None
    """When the comment was written. Example: `"2026-05-01T10:05:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Origin of the resource, and what its mapping lost."""


class CommentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comment to add, as plain text or as HTML."""

    body_text: Text | UnsetType = UNSET
    """The message as plain text; send this, `body_html`, or both with the same text."""
    body_html: Text | UnsetType = UNSET
    """The message as HTML."""
    visibility: Visibility = "public"
    """Who can see the comment: with `private` agents only, with `public` the requester too."""
