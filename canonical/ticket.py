"""Ticket: somebody asked for something; and the comments that follow. What a caller may write stands below each."""

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
"""The derived, coarse state: what a dashboard counts. `unknown` counts as work to do, never as done."""


class Requester(Struct, frozen=True, kw_only=True):
    """Who asked. `id` is the canonical customer where the vendor names its record."""

    id: str | None = None
    remote_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


class RequesterPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks: a canonical `id`, the vendor's `remote_id`, or an e-mail (with a name for somebody new)."""

    id: Annotated[str, Meta(examples=["cus_0198f0a2b7c47d3c"])] | None = None
    remote_id: Line | None = None
    name: Line | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    phone: Annotated[str, Meta(max_length=64)] | None = None


class Follower(Struct, frozen=True, kw_only=True):
    """Somebody who is kept informed."""

    remote_id: str | None = None
    email: str | None = None
    kind: FollowerKind = "unknown"
    kind_raw: str | None = None


class FollowerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to keep informed: `remote_id` or `email`."""

    remote_id: Line | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    kind: FollowerKind = "cc"


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket as read. `status_category` is derived from `status`; `status_label` is the vendor's own name for it."""

    id: Annotated[str, Meta(examples=["tkt_0198f0a2b7c47d3c"])] | UnsetType = UNSET
    number: str | None = None
    subject: str | None = None
    description: str | None = None
    description_html: str | None = None
    status: TicketStatus = "unknown"
    status_raw: str | None = None
    status_category: StatusCategory = "todo"
    status_label: str | None = None
    priority: TicketPriority = "unknown"
    priority_raw: str | None = None
    type: TicketType = "unknown"
    type_raw: str | None = None
    channel: TicketChannel = "unknown"
    channel_raw: str | None = None
    requester: Requester | None = None
    assignee_remote_id: str | None = None
    team_remote_id: str | None = None
    company_remote_id: str | None = None
    parent_remote_id: str | None = None
    merged_into_remote_id: str | None = None
    followers: tuple[Follower, ...] = ()
    order_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    due_at: Instant | None = None
    first_responded_at: Instant | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    external_id: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    meta: ResourceMeta | UnsetType = UNSET
    raw: Raw | UnsetType = UNSET


class TicketPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may write. Absent leaves, `null` clears, arrays are replaced whole (RFC 7396). `status` cannot
    be cleared; `priority` and `type` are cleared by `"none"` and by what the vendor has for it."""

    subject: Line | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    description_html: Text | None | UnsetType = UNSET
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
    kind_raw: str | None = None
    remote_id: str | None = None
    name: str | None = None
    email: str | None = None


class Comment(Struct, frozen=True, kw_only=True):
    """One message on a ticket. `body_html` is sanitised."""

    remote_id: str
    author: Author
    body_text: str
    body_html: str | None = None
    visibility: Visibility = "unknown"
    visibility_raw: str | None = None
    attachments: tuple[Attachment, ...] = ()
    created_at: Instant | None = None
    meta: ResourceMeta | UnsetType = UNSET


class CommentPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comment to add: plain text or HTML, one of the two; `private` is for agents only."""

    body_text: Text | UnsetType = UNSET
    body_html: Text | UnsetType = UNSET
    visibility: Visibility = "public"
