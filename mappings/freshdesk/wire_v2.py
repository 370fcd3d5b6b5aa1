"""Records and write bodies of Freshdesk's API v2, and the facts about one account.

https://developers.freshdesk.com/api/ - Records have no envelope; choices are numbers; arrays may be null. Lists omit
members that a single record has: those are UNSET, not empty. Times are ISO 8601, with `Z` today and with an offset in
older recordings.
"""

from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, CustomFieldValue, Instant, ObjectName
from canonical.ticket import TicketStatus

MARK_NAME: Final = "lockstitch_operation_id"
"""The custom field for the operation id. On contacts Freshdesk sends it with or without `cf_`."""
MARK_FIELD: Final = f"cf_{MARK_NAME}"
"""The same field on tickets, where names of custom fields always have the prefix `cf_`."""


# ------------------------------------------------------------------ as it is read


class Contact(Struct, frozen=True, kw_only=True):
    """A contact. `active` means that the address is verified, not that the contact exists. Only deleted contacts have
    `deleted`. Some accounts have first and last names in addition to the full name."""

    id: int
    name: str | None
    active: bool
    created_at: Instant
    updated_at: Instant
    email: str | None = None
    other_emails: tuple[str, ...] | None | UnsetType = UNSET
    phone: str | None = None
    mobile: str | None = None
    address: str | None = None
    job_title: str | None = None
    language: str | None = None
    time_zone: str | None = None
    description: str | None = None
    unique_external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: tuple[str, ...] | None | UnsetType = UNSET
    custom_fields: dict[str, Raw] | None = None
    deleted: bool | None = None


class Requester(Struct, frozen=True, kw_only=True):
    """The requester in a ticket, with `include=requester`."""

    id: int
    name: str | None = None
    email: str | None = None
    mobile: str | None = None
    phone: str | None = None


class Stats(Struct, frozen=True, kw_only=True):
    """The times of events of a ticket, with `include=stats`."""

    first_responded_at: Instant | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None


class Attachment(Struct, frozen=True, kw_only=True):
    """A file. Its URL has a signature that expires after some minutes. `size` is in bytes."""

    id: int
    name: str
    attachment_url: str
    content_type: str | None = None
    size: int | None = None
    file_size: int | None = None


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket. `status`, `priority` and `source` are numbers. `description` is HTML; Freshdesk derives
    `description_text` from it. `association_type` says what the listed tickets are to it: 1 its children, 2 its parent,
    3 what it tracks, 4 its tracker."""

    id: int
    status: int
    created_at: Instant
    updated_at: Instant
    subject: str | None = None
    description: str | None = None
    description_text: str | None = None
    priority: int | None = None
    source: int | None = None
    type: str | None = None
    requester_id: int | None = None
    requester: Requester | None = None
    responder_id: int | None = None
    group_id: int | None = None
    company_id: int | None = None
    association_type: int | None = None
    associated_tickets_list: tuple[int, ...] | None = None
    cc_emails: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    custom_fields: dict[str, Raw] | None = None
    attachments: tuple[Attachment, ...] | None = None
    due_by: Instant | None = None
    fr_due_by: Instant | None = None
    stats: Stats | None = None
    spam: bool | None = None
    deleted: bool | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """A reply or a note. The answer to a new reply has neither `private` nor `incoming`: it is public and outgoing."""

    id: int
    body: str | None = None
    body_text: str | None = None
    incoming: bool | None = None
    private: bool | None = None
    user_id: int | None = None
    from_email: str | None = None
    attachments: tuple[Attachment, ...] | None = None
    created_at: Instant | None = None


# ------------------------------------------------------------------ facts about one account

STATUS_LABELS: Final[dict[int, str]] = {
    2: "Open",
    3: "Pending",
    4: "Resolved",
    5: "Closed",
    6: "Waiting on Customer",
    7: "Waiting on Third Party",
}
"""The statuses of a new account. The first four are fixed; the others can be renamed and removed."""
STATUSES: Final[dict[int, TicketStatus]] = {
    2: "open",
    # The requester sees "Awaiting your Reply".
    3: "waiting_on_customer",
    4: "resolved",
    5: "closed",
    6: "waiting_on_customer",
    7: "waiting_on_third_party",
}
TYPES: Final = ("Question", "Incident", "Problem", "Feature Request", "Refund")
"""The ticket types of a new account."""


class Account(Struct, frozen=True, kw_only=True):
    """The facts about one account: labels and meanings of its statuses, its ticket types, and the contact field for the
    operation id, None if it has none. Unknown facts have the defaults."""

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    status_labels: dict[int, str] = field(default_factory=STATUS_LABELS.copy)
    statuses: dict[int, TicketStatus] = field(default_factory=STATUSES.copy)
    types: tuple[str, ...] = TYPES
    contact_mark_field: str | None = None


# ------------------------------------------------------------------ as it is written


class ContactWrite(Struct, frozen=True, kw_only=True):
    """A contact to create or change. Omitted members stay unchanged."""

    name: str | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    other_emails: tuple[str, ...] | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    mobile: str | None | UnsetType = UNSET
    address: str | None | UnsetType = UNSET
    job_title: str | None | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    unique_external_id: str | None | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    custom_fields: dict[str, CustomFieldValue] | UnsetType = UNSET


class TicketWrite(Struct, frozen=True, kw_only=True):
    """A ticket to create or change. Omitted members stay unchanged. `email`, `phone` and `name` are the requester's;
    Freshdesk creates a missing contact."""

    subject: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    source: int | UnsetType = UNSET
    type: str | UnsetType = UNSET
    requester_id: int | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    responder_id: int | None | UnsetType = UNSET
    group_id: int | None | UnsetType = UNSET
    company_id: int | None | UnsetType = UNSET
    cc_emails: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    custom_fields: dict[str, CustomFieldValue] | UnsetType = UNSET
    due_by: Instant | UnsetType = UNSET
    fr_due_by: Instant | UnsetType = UNSET


class ConversationWrite(Struct, frozen=True, kw_only=True):
    """A message to add, in HTML: a reply to the requester, or a note that only agents see."""

    body: str
    private: bool | UnsetType = UNSET
