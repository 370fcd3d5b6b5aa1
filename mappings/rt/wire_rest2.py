"""Records and write bodies of Request Tracker's REST2, and the facts from further reads.

https://docs.bestpractical.com/rt/5.0/RT/REST2.html - A ticket of a read and a ticket of a search differ in two points:
numbers are text in one of them, and people have name and address in a search only. A time that was never set is the
beginning of 1970. Messages are outside the ticket: its history names them, its attachments hold their text.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, Instant, ObjectName

API: Final = "/REST/2.0"
MARK: Final = "lockstitch:"
"""The prefix of Lockstitch's links, which a ticket `RefersTo`. They need no setup and no further right, and a search of
the database finds them."""
KEY: Final = f"{MARK}key/"
"""The beginning of the links for the caller's key."""
NOBODY: Final = "Nobody"
SYSTEM: Final = "RT_System"
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


# ------------------------------------------------------------------ as it is read


class Reference(Struct, frozen=True, kw_only=True):
    """Another record, by its number or name."""

    id: str


class Person(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A person or a group at a ticket. `id` is the login name, which is the address of users who only ever wrote mails.
    A ticket that was read by its number has no other member of them."""

    id: str = field(name="id")
    email_address: str | None = None
    real_name: str | None = None


class Hyperlink(Struct, frozen=True, kw_only=True, rename={"url": "_url"}):
    """A link of a record: `self`, `parent`, `refers-to`, or a possible call."""

    ref: str
    url: str | None = None
    type: str | None = None
    id: str | int | None = None


class FieldValues(Struct, frozen=True, kw_only=True):
    """A custom field of the ticket's queue and its values: text, null for what was emptied, an object for a file."""

    id: str
    name: str
    values: tuple[Raw, ...] = ()


class Ticket(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A ticket. `Priority` is a number as text; a search says "" where the queue has no custom fields."""

    id: int | str = field(name="id")
    status: str
    created: Instant
    last_updated: Instant
    subject: str | None = None
    priority: str | int | None = None
    queue: Reference | None = None
    owner: Reference | None = None
    requestor: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    admin_cc: tuple[Person, ...] = ()
    due: Instant | None = None
    resolved: Instant | None = None
    custom_fields: tuple[FieldValues, ...] | str | None = None
    hyperlinks: tuple[Hyperlink, ...] = field(name="_hyperlinks", default=())


class Transaction(Struct, frozen=True, kw_only=True, rename="pascal"):
    """An entry of a ticket's history: `Correspond` and `Comment` are messages."""

    id: str = field(name="id")
    type: str
    creator: Person
    created: Instant
    object_id: str | None = None


# ------------------------------------------------------------------ facts from further reads


class Message(Struct, frozen=True, kw_only=True):
    """The text of an entry of the history, in either form."""

    plain: str | None = None
    html: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """The queues by number, `more_queues` if there are others, and further reads for the present records, None if not
    read.

    `people` are by login name. `firsts` are the history entries that made the tickets, by number of the ticket;
    `messages` are by number of their entry. `privileged` says whether an author is an agent, and `authors` are still to
    be read. `more_messages` is the next page of texts, and `version` is what Request Tracker compares on a change.
    """

    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    queues: dict[str, str] = {}
    more_queues: bool = False
    people: dict[str, Person] | None = None
    firsts: dict[str, str] | None = None
    messages: dict[str, Message] | None = None
    privileged: dict[str, bool] = {}
    authors: tuple[str, ...] = ()
    more_messages: int | None = 1
    version: str | None = None


# ------------------------------------------------------------------ as it is written

FieldValue = str | list[str] | None


class TicketWrite(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A ticket to create or change; what is left out stays as it is. Lists of people are replaced as a whole, links are
    added and removed one by one."""

    queue: str | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    requestor: tuple[str, ...] | UnsetType = UNSET
    cc: tuple[str, ...] | UnsetType = UNSET
    admin_cc: tuple[str, ...] | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    due: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    content_type: str | UnsetType = UNSET
    custom_fields: dict[str, FieldValue] | UnsetType = UNSET
    refers_to: tuple[str, ...] | UnsetType = UNSET
    add_refers_to: tuple[str, ...] | UnsetType = UNSET
    delete_refers_to: tuple[str, ...] | UnsetType = UNSET
    member_of: tuple[str, ...] | UnsetType = UNSET
    add_member_of: tuple[str, ...] | UnsetType = UNSET
    delete_member_of: tuple[str, ...] | UnsetType = UNSET


class MessageWrite(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message to add. `private` decides where it goes and is not sent."""

    content: str
    content_type: str
    private: bool = False
