"""The bodies of Zendesk's event webhooks (`zen:event-type:…`): the members that are read.

In `detail` ids are text ("0" for none), enum values are in upper case, a missing value is empty text. Trigger and
automation webhooks are not read: an administrator writes their bodies freely.
"""

from typing import Final

from msgspec import Raw, Struct

from canonical.parts import Instant
from mappings.zendesk.wire_v2 import Via

TYPE: Final = "zen:event-type:"
MEMBERS: Final = frozenset({"type", "account_id", "detail"})
"""The members of every event. No record of the API has all three."""


class TicketDetail(Struct, frozen=True, kw_only=True):
    """The ticket after the event. Thin events have the id alone."""

    id: str
    created_at: Instant | None = None
    updated_at: Instant | None = None
    status: str | None = None
    custom_status: str | None = None
    priority: str | None = None
    type: str | None = None
    subject: str | None = None
    description: str | None = None
    requester_id: str | None = None
    assignee_id: str | None = None
    group_id: str | None = None
    organization_id: str | None = None
    external_id: str | None = None
    tags: tuple[str, ...] | None = None
    via: Via | None = None


class UserDetail(Struct, frozen=True, kw_only=True):
    """The user after the event, without name and number."""

    id: str
    created_at: Instant | None = None
    updated_at: Instant | None = None
    email: str | None = None
    external_id: str | None = None
    role: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """A change: the new value, or the ticket that this one was merged into."""

    current: Raw = Raw(b"null")
    target_ticket_id: str | int | None = None


class TicketEvent(Struct, frozen=True, kw_only=True):
    """An event of a ticket."""

    type: str
    detail: TicketDetail
    event: Change | None = None


class UserEvent(Struct, frozen=True, kw_only=True):
    """An event of a user."""

    type: str
    detail: UserDetail
    event: Change | None = None
