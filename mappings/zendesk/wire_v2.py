"""Records and write bodies of the Zendesk Support API v2, and the facts about one account.

Members that Zendesk always sends are required, so that their absence is seen as drift; the rest came later or is left
out on some paths. Ids are integers here and text everywhere else. Times are ISO 8601 with `Z`.
"""

from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import CustomFieldSetting, CustomFieldValue, Instant, ObjectName

MARK_FIELD: Final = "lockstitch_operation_id"
"""The user field, and the member of an audit's metadata, that names the operation."""


# ------------------------------------------------------------------ as it is read


class Via(Struct, frozen=True, kw_only=True):
    """The channel through which a ticket came in: a word, or the number of that word."""

    channel: str | int | None = None


class FieldValue(Struct, frozen=True, kw_only=True):
    """A custom ticket field. The value is text, a list, a boolean or null by the field's type, so it stays raw here."""

    id: int
    value: Raw = Raw(b"null")


class User(Struct, frozen=True, kw_only=True):
    """A user: end user, agent or administrator. A deleted one is not `active` and has no address."""

    id: int
    name: str | None
    role: str | None
    active: bool
    created_at: Instant
    updated_at: Instant
    url: str | None = None
    email: str | None = None
    phone: str | None = None
    time_zone: str | None = None
    iana_time_zone: str | None = None
    locale: str | None = None
    organization_id: int | None = None
    external_id: str | None = None
    tags: tuple[str, ...] | None = None
    suspended: bool | None = None
    details: str | None = None
    notes: str | None = None
    user_fields: dict[str, Raw] | None = None


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket. `description` is its first comment; `status` the category of the custom status, where those are on."""

    id: int
    status: str
    created_at: Instant
    updated_at: Instant
    url: str | None = None
    external_id: str | None = None
    via: Via | None = None
    type: str | None = None
    subject: str | None = None
    description: str | None = None
    priority: str | None = None
    requester_id: int | None = None
    assignee_id: int | None = None
    organization_id: int | None = None
    group_id: int | None = None
    collaborator_ids: tuple[int, ...] | None = None
    follower_ids: tuple[int, ...] | None = None
    email_cc_ids: tuple[int, ...] | None = None
    problem_id: int | None = None
    due_at: Instant | None = None
    tags: tuple[str, ...] | None = None
    custom_fields: tuple[FieldValue, ...] | None = None
    custom_status_id: int | None = None


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a comment; `size` in bytes."""

    id: int
    file_name: str
    content_url: str
    content_type: str | None = None
    size: int | None = None


class Comment(Struct, frozen=True, kw_only=True):
    """A comment, as the ticket's list shows it and as the audit of a write reports it (then without `created_at`)."""

    id: int
    author_id: int | None
    body: str | None = None
    html_body: str | None = None
    plain_body: str | None = None
    public: bool | None = None
    attachments: tuple[Attachment, ...] | None = None
    created_at: Instant | None = None


class Person(Struct, frozen=True, kw_only=True):
    """A person side-loaded with tickets or comments."""

    id: int
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    role: str | None = None


class Organization(Struct, frozen=True, kw_only=True):
    """A company side-loaded with users."""

    id: int
    name: str | None = None


class CustomStatus(Struct, frozen=True, kw_only=True):
    """A ticket status that an administrator named."""

    id: int
    agent_label: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """Facts that are not in a record: configured custom fields, names of ticket statuses, and the people,
    organizations and groups behind ids, as far as they were side-loaded. `people_asked`: the other people were asked
    for already."""

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    status_labels: dict[int, str] = {}
    people: dict[int, Person] = {}
    people_asked: bool = False
    organizations: dict[int, str] = {}
    groups: dict[int, str] = {}


# ----------------------------------------------------------------- as it is written


class UserWrite(Struct, frozen=True, kw_only=True):
    """A user to create or change; what is left out stays as it is."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    notes: str | None | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    external_id: str | None | UnsetType = UNSET
    suspended: bool | UnsetType = UNSET
    user_fields: dict[str, CustomFieldValue] | UnsetType = UNSET


class CommentWrite(Struct, frozen=True, kw_only=True):
    """A comment to add, or the first comment of a ticket."""

    body: str | UnsetType = UNSET
    html_body: str | UnsetType = UNSET
    public: bool


class RequesterWrite(Struct, frozen=True, kw_only=True):
    """The requester of a new ticket, by address. Zendesk makes a user of a new address."""

    email: str
    name: str | UnsetType = UNSET


class WatcherWrite(Struct, frozen=True, kw_only=True):
    """A follower or a copied address to add (`put`) or to remove (`delete`). The name is that of a user whom Zendesk
    creates for the address."""

    user_id: str | UnsetType = UNSET
    user_email: str | UnsetType = UNSET
    user_name: str | UnsetType = UNSET
    action: str


class FieldWrite(Struct, frozen=True, kw_only=True):
    """A custom ticket field to set."""

    id: int
    value: CustomFieldValue


class TicketWrite(Struct, frozen=True, kw_only=True):
    """A ticket to create or change; what is left out stays as it is. `metadata` is kept in the audit of the write."""

    subject: str | None | UnsetType = UNSET
    comment: CommentWrite | UnsetType = UNSET
    status: str | UnsetType = UNSET
    priority: str | None | UnsetType = UNSET
    type: str | UnsetType = UNSET
    requester_id: int | str | UnsetType = UNSET  # text for a person who is still to be created
    requester: RequesterWrite | UnsetType = UNSET
    assignee_id: int | None | UnsetType = UNSET
    group_id: int | None | UnsetType = UNSET
    organization_id: int | None | UnsetType = UNSET
    problem_id: int | None | UnsetType = UNSET
    followers: tuple[WatcherWrite, ...] | UnsetType = UNSET
    email_ccs: tuple[WatcherWrite, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    custom_fields: tuple[FieldWrite, ...] | UnsetType = UNSET
    due_at: Instant | None | UnsetType = UNSET
    external_id: str | None | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class UserBody(Struct, frozen=True, kw_only=True):
    """The envelope of a user write."""

    user: UserWrite


class TicketBody(Struct, frozen=True, kw_only=True):
    """The envelope of a ticket write."""

    ticket: TicketWrite
