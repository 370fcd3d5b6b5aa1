"""Ticket: a request, and its comments. Each Struct is followed by the Patch that a caller may write."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.parts import Attachment, CustomField, CustomFieldPatch, Instant, Line, Raw, ResourceMeta, Text

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
"""The derived, coarse status for dashboards. `unknown` counts as work to do, never as done."""


class Requester(Struct, frozen=True, kw_only=True):
    """Who asked. `id` is the canonical customer where the vendor names its record."""

    id: str | None = None
    """Canonical customer, where the vendor names its record. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    remote_id: str | None = None
    """The vendor's id of the person. Example: `"35436"`"""
    name: str | None = None
    """Full name. Example: `"Ann Lee"`"""
    email: str | None = None
    """E-mail address, in lower case. Example: `"ann@example.com"`"""
    phone: str | None = None
    """Telephone number as the vendor holds it. Example: `"+441174960123"`"""


class RequesterPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks: a canonical `id`, the vendor's `remote_id`, or an e-mail (with a name for somebody new)."""

    id: str | None = None
    """A canonical customer that is known at the connection. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    remote_id: Line | None = None
    name: Line | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    """E-mail address; with a name it makes somebody new, where the vendor can."""
    phone: Annotated[str, Meta(max_length=64)] | None = None


class Follower(Struct, frozen=True, kw_only=True):
    """Somebody who is kept informed."""

    remote_id: str | None = None
    """The vendor's id of the person. Example: `"35437"`"""
    email: str | None = None
    """E-mail address, in lower case. Example: `"ben@example.com"`"""
    kind: FollowerKind = "unknown"
    """A colleague who watches, or somebody who gets a copy of the messages. Example: `"cc"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"email_cc"`"""


class FollowerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to keep informed: `remote_id` or `email`."""

    remote_id: Line | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    kind: FollowerKind = "cc"


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket as read. `status_category` is derived from `status`; `status_label` is the vendor's own name for it."""

    id: str | UnsetType = UNSET
    """Canonical id, stable for ever. Example: `"tkt_0198f0a2b7c47d3c9a51f2e80b6c4d19"`"""
    number: str | None = None
    """What people call the ticket. Example: `"4711"`"""
    subject: str | None = None
    """What it is about, in one line. Example: `"Mug arrived with a crack"`"""
    description: str | None = None
    """The first message, as plain text. Example: `"The blue mug has a crack at the handle."`"""
    description_html: str | None = None
    """The first message as sanitised HTML. Example: `"<p>The blue mug has a crack at the handle.</p>"`"""
    status: TicketStatus = "unknown"
    """Who has to do something next. Example: `"open"`"""
    status_raw: str | None = None
    """The vendor's own value of `status`: a word, or the id of a stage. Example: `"open"`"""
    status_category: StatusCategory = "todo"
    """What a dashboard counts, derived from `status`; `unknown` counts as `todo`; read-only.
    Example: `"in_progress"`"""
    status_label: str | None = None
    """The name that people at the vendor read for the status; read-only. Example: `"In progress"`"""
    priority: TicketPriority = "unknown"
    """How urgent it is; `none` where nobody said. Example: `"normal"`"""
    priority_raw: str | None = None
    """The vendor's own word for `priority`. Example: `"normal"`"""
    type: TicketType = "unknown"
    """What kind of matter it is. Example: `"problem"`"""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"problem"`"""
    channel: TicketChannel = "unknown"
    """How it came in. Example: `"email"`"""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"email"`"""
    requester: Requester | None = None
    """Who asked; null where the vendor names nobody."""
    assignee_remote_id: str | None = None
    """The vendor's id of the colleague who deals with it. Example: `"235323"`"""
    team_remote_id: str | None = None
    """The vendor's id of the team that deals with it. Example: `"98738"`"""
    company_remote_id: str | None = None
    """The vendor's id of the company that it is about. Example: `"509974"`"""
    parent_remote_id: str | None = None
    """The vendor's id of the ticket that this one is part of. Example: `"4700"`"""
    merged_into_remote_id: str | None = None
    """The vendor's id of the ticket that goes on in its place; read-only. Example: `"4712"`"""
    followers: tuple[Follower, ...] = ()
    """Who is kept informed beside requester and assignee."""
    order_ids: tuple[str, ...] = ()
    """Canonical ids of the orders that it is about. Example: `["ord_0198f0a2b7c47d3c9a51f2e80b6c4d18"]`"""
    tags: tuple[str, ...] = ()
    """Words that people sort by; their order means nothing. Example: `["breakage"]`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    attachments: tuple[Attachment, ...] = ()
    """Files of the first message; read-only."""
    due_at: Instant | None = None
    """When it has to be done. Example: `"2026-05-08T17:00:00Z"`"""
    first_responded_at: Instant | None = None
    """When a colleague first answered; read-only. Example: `"2026-05-01T10:05:00Z"`"""
    resolved_at: Instant | None = None
    """When it was last solved; read-only. Example: `"2026-05-04T11:20:00Z"`"""
    closed_at: Instant | None = None
    """When it was closed for good; read-only. Example: `"2026-05-08T11:20:00Z"`"""
    external_id: str | None = None
    """The caller's own key, unique at the vendor where it has a place for one. Example: `"form-5512"`"""
    created_at: Instant | None = None
    """When the ticket was made at the vendor; read-only."""
    updated_at: Instant | None = None
    """When it last changed at the vendor; read-only. Example: `"2026-05-01T10:05:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Where this came from and what was lost on the way."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload, under `?include=raw` only. Example: `{"id": 4711}`"""


class TicketPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may write. Absent leaves, `null` clears, arrays are replaced whole (RFC 7396). `status` cannot
    be cleared; `priority` and `type` are cleared by `"none"` and by what the vendor has for it."""

    subject: Line | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    """The first message, as plain text; send this or `description_html`."""
    description_html: Text | None | UnsetType = UNSET
    """The first message as HTML; send this or `description`."""
    status: TicketStatus | UnsetType = UNSET
    priority: TicketPriority | UnsetType = UNSET
    type: TicketType | UnsetType = UNSET
    channel: TicketChannel | UnsetType = UNSET
    requester: RequesterPatch | None | UnsetType = UNSET
    assignee_remote_id: Line | None | UnsetType = UNSET
    team_remote_id: Line | None | UnsetType = UNSET
    company_remote_id: Line | None | UnsetType = UNSET
    parent_remote_id: Line | None | UnsetType = UNSET
    followers: tuple[FollowerPatch, ...] | None | UnsetType = UNSET
    order_ids: tuple[Line, ...] | None | UnsetType = UNSET
    tags: tuple[Line, ...] | None | UnsetType = UNSET
    custom_fields: tuple[CustomFieldPatch, ...] | None | UnsetType = UNSET
    due_at: Instant | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None | UnsetType = UNSET


class Author(Struct, frozen=True, kw_only=True):
    """Who wrote a comment."""

    kind: AuthorKind = "unknown"
    """On which side the author stands. Example: `"agent"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"agent"`"""
    remote_id: str | None = None
    """The vendor's id of the person. Example: `"235323"`"""
    name: str | None = None
    """Full name. Example: `"Ben Okoro"`"""
    email: str | None = None
    """E-mail address, in lower case. Example: `"ben@example.com"`"""


class Comment(Struct, frozen=True, kw_only=True):
    """One message on a ticket. `body_html` is sanitised."""

    ticket_id: str | UnsetType = UNSET
    """Canonical id of the ticket. Example: `"tkt_0198f0a2b7c47d3c9a51f2e80b6c4d19"`"""
    remote_id: str
    """The vendor's id of the message. Example: `"1274"`"""
    author: Author
    """Who wrote it."""
    body_text: str
    """The message as plain text; made from the HTML where the vendor has only that.
    Example: `"A new mug is on its way."`"""
    body_html: str | None = None
    """The message as sanitised HTML; null where the vendor has none. Example: `"<p>A new mug is on its way.</p>"`"""
    visibility: Visibility = "unknown"
    """Whether the requester sees it. Example: `"public"`"""
    visibility_raw: str | None = None
    """The vendor's own value of `visibility`. Example: `"true"`"""
    attachments: tuple[Attachment, ...] = ()
    """Files that came with the message."""
    created_at: Instant | None = None
    """When it was written. Example: `"2026-05-01T10:05:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Where this came from and what was lost on the way."""


class CommentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comment to add: plain text or HTML, one of the two; `private` is for agents only."""

    body_text: Text | UnsetType = UNSET
    """The message as plain text; send this or `body_html`."""
    body_html: Text | UnsetType = UNSET
    """The message as HTML; send this or `body_text`."""
    visibility: Visibility = "public"
    """`public` for the requester too, `private` for agents only."""
