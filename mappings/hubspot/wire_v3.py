"""Wire Structs of HubSpot CRM v3, and the facts about one account.

Every property of a record is text or null, numbers and booleans too. A property that was not requested is absent.
Custom fields are read from `properties` by name, all others through `ContactProperties` and `TicketProperties`. HubSpot
does not distinguish null and "": write "" to clear a value; it then reads as null or "". (developers.hubspot.com,
Understanding the CRM)
"""

from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from canonical.order import OrderStatus
from canonical.parts import CustomFieldSetting, Instant, ObjectName
from canonical.ticket import TicketStatus
from mappings.drift import NAMED_BY

Status = TypeVar("Status", bound=str)

CLEARED: Final = ""
DEFAULT_PIPELINE: Final = "0"
ORDER_PIPELINE: Final = "14a2e10e-5471-408a-906e-c51f3b04369e"
MARKER: Final = "lockstitch_operation_id"
"""The unique property with the operation that created the record. The setup creates it."""
EXTERNAL_ID: Final = "lockstitch_external_id"
"""The unique property with the caller's own key. The setup creates it."""

# ---------------------------------------------------------------- records


class AssociatedId(Struct, frozen=True, kw_only=True):
    """One end of an association. An id is repeated for each type of association."""

    id: str


class AssociatedIds(Struct, frozen=True, kw_only=True):
    """The associated records of one object type."""

    results: tuple[AssociatedId, ...] = ()


class TicketAssociations(Struct, frozen=True, kw_only=True):
    """The requested associations of a ticket."""

    contacts: AssociatedIds = AssociatedIds()
    orders: AssociatedIds = AssociatedIds()


class ContactProperties(Struct, frozen=True, kw_only=True):
    """The properties of a contact that the mapping reads."""

    email: str | None = None
    hs_email_bad_address: str | None = None
    hs_additional_emails: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    phone: str | None = None
    mobilephone: str | None = None
    fax: str | None = None
    company: str | None = None
    jobtitle: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    hs_language: str | None = None
    hs_timezone: str | None = None
    lifecyclestage: str | None = None
    hs_analytics_source: str | None = None
    hubspot_owner_id: str | None = None
    lockstitch_external_id: str | None = None


class ContactConsents(Struct, frozen=True, kw_only=True):
    """The properties of a contact that only revision 2 reads: additional addresses and consents. Semicolons separate
    the values of both lists."""

    hs_additional_emails: str | None = None
    hs_email_optout: str | None = None
    hs_legal_basis: str | None = None


class TicketProperties(Struct, frozen=True, kw_only=True):
    """The properties of a ticket that the mapping reads."""

    subject: str | None = None
    content: str | None = None
    hs_pipeline: str | None = None
    hs_pipeline_stage: str | None = None
    hs_ticket_priority: str | None = None
    hs_ticket_category: str | None = None
    source_type: str | None = None
    hubspot_owner_id: str | None = None
    closed_date: str | None = None
    first_agent_reply_date: str | None = None
    lockstitch_external_id: str | None = None


class ContactRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact, from any v3 endpoint."""

    id: str
    properties: Annotated[dict[str, str | None], Meta(extra={NAMED_BY: (ContactProperties, ContactConsents)})]
    created_at: Instant
    updated_at: Instant
    archived: bool = False
    url: str | None = None


class TicketRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket. `associations` is present if it was requested and there is one; searches never have it."""

    id: str
    properties: Annotated[dict[str, str | None], Meta(extra={NAMED_BY: (TicketProperties,)})]
    created_at: Instant
    updated_at: Instant
    url: str | None = None
    associations: TicketAssociations | UnsetType = UNSET


class Stub(Struct, frozen=True, kw_only=True):
    """The id and the properties of a record."""

    id: str
    properties: dict[str, str | None] = {}


# ---------------------------------------------------------------- replies with records


class NextPage(Struct, frozen=True, kw_only=True):
    """The cursor of the next page."""

    after: str


class Paging(Struct, frozen=True, kw_only=True):
    """The last page has no `next`."""

    next: NextPage | None = None


class Records(Struct, frozen=True, kw_only=True):
    """A page of a list or a search, or the records of a batch read."""

    results: tuple[msgspec.Raw, ...]
    paging: Paging | None = None


class AssociationTarget(Struct, frozen=True, kw_only=True, rename="camel"):
    """The other end in v4. Its id is a number or text."""

    to_object_id: int | str


class Association(Struct, frozen=True, kw_only=True):
    """One record and its associations (v4 batch read)."""

    source: AssociatedId = field(name="from")
    to: tuple[AssociationTarget, ...] = ()


class AssociationsRead(Struct, frozen=True, kw_only=True):
    """The reply to a v4 batch read. A record without associations is an error and no result."""

    results: tuple[Association, ...] = ()


class AssociationLabel(Struct, frozen=True, kw_only=True, rename="camel"):
    """A type of association between two object types. The general one has no label."""

    category: str
    type_id: int
    label: str | None = None


class AssociationLabels(Struct, frozen=True, kw_only=True):
    """The types of association from one object type to another."""

    results: tuple[AssociationLabel, ...]


class StageMetadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ticketState` of a ticket stage and `state` of an order stage are OPEN or CLOSED. Older replies have only
    `isClosed`, as text."""

    ticket_state: str | None = None
    state: str | None = None
    is_closed: str | None = None


class StageRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stage of a pipeline, as configured by the account."""

    id: str
    label: str
    display_order: int = 0
    metadata: StageMetadata = StageMetadata()


class PipelineRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A pipeline of tickets or orders."""

    id: str
    label: str
    display_order: int = 0
    stages: tuple[StageRecord, ...] = ()


class Pipelines(Struct, frozen=True, kw_only=True):
    """All pipelines of one object type."""

    results: tuple[PipelineRecord, ...]


class Option(Struct, frozen=True, kw_only=True, rename="camel"):
    """One choice of an enumeration; `value` is its internal name."""

    value: str
    display_order: int = 0


class PropertyDefinition(Struct, frozen=True, kw_only=True):
    """A property of the account's schema."""

    name: str
    options: tuple[Option, ...] = ()


class PropertyDefinitions(Struct, frozen=True, kw_only=True):
    """The reply to a batch read of property definitions."""

    results: tuple[PropertyDefinition, ...]


# ---------------------------------------------------------------- requests


class ObjectId(Struct, frozen=True, kw_only=True):
    """A record by its id, or by the value of the request's `idProperty`."""

    id: str


class AssociationType(Struct, frozen=True, kw_only=True, rename="camel"):
    """The type of an association. HubSpot's type 16 is from a ticket to a contact."""

    association_category: str = "HUBSPOT_DEFINED"
    association_type_id: int = 16


class NewAssociation(Struct, frozen=True, kw_only=True):
    """An association that is created with the record."""

    to: ObjectId
    types: tuple[AssociationType, ...] = (AssociationType(),)


class RecordWrite(Struct, frozen=True, kw_only=True):
    """The properties to write, by internal name, and on a create the associations."""

    properties: dict[str, str]
    associations: tuple[NewAssociation, ...] = ()


class RecordUpdate(Struct, frozen=True, kw_only=True):
    """The body of a PATCH. It cannot change associations."""

    properties: dict[str, str]


class Upserted(Struct, frozen=True, kw_only=True, rename="camel"):
    """A record to create, or to change if one has this value (`id`) of the unique property `idProperty`."""

    id: str
    id_property: str
    properties: dict[str, str]


class BatchUpsert(Struct, frozen=True, kw_only=True):
    """An upsert of up to 100 records: all or none of them."""

    inputs: tuple[Upserted, ...]


class BatchRead(Struct, frozen=True, kw_only=True, rename="camel"):
    """A read of up to 100 records. Missing ones are reported as errors."""

    inputs: tuple[ObjectId, ...]
    properties: tuple[str, ...]
    properties_with_history: tuple[str, ...] = ()
    id_property: str | UnsetType = UNSET


class Filter(Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition of a search; dates are epoch milliseconds."""

    property_name: str
    operator: str
    value: str | UnsetType = UNSET
    values: tuple[str, ...] | UnsetType = UNSET


class FilterGroup(Struct, frozen=True, kw_only=True):
    """Conditions that must all match (at most six)."""

    filters: tuple[Filter, ...]


class Search(Struct, frozen=True, kw_only=True, rename="camel"):
    """A search. `sorts` is one property, with a minus for descending; `after` is an offset, always 0."""

    filter_groups: tuple[FilterGroup, ...]
    sorts: tuple[str, ...]
    properties: tuple[str, ...]
    limit: int
    after: str = "0"


class NewProperty(Struct, frozen=True, kw_only=True, rename="camel"):
    """A property definition to add to an object type."""

    name: str
    label: str
    description: str
    group_name: str
    type: str = "string"
    field_type: str = "text"
    has_unique_value: bool = True
    form_field: bool = False


# ---------------------------------------------------------------- the account


class Stage(Struct, Generic[Status], frozen=True, kw_only=True):
    """A stage and its status."""

    id: str
    label: str
    status: Status


class Pipeline(Struct, Generic[Status], frozen=True, kw_only=True):
    """A pipeline of tickets or orders, and its stages by id, in display order."""

    id: str
    label: str
    stages: dict[str, Stage[Status]]


def documented_pipelines() -> dict[str, Pipeline[TicketStatus]]:
    """Return the ticket pipeline that every account starts with."""
    stages: tuple[tuple[str, str, TicketStatus], ...] = (
        ("1", "New", "new"),
        ("2", "Waiting on contact", "waiting_on_customer"),
        ("3", "Waiting on us", "open"),
        ("4", "Closed", "closed"),
    )
    return _documented(DEFAULT_PIPELINE, "Support Pipeline", stages)


def documented_order_pipelines() -> dict[str, Pipeline[OrderStatus]]:
    """Return the order pipeline that every account starts with. Its ids are the same in all accounts."""
    stages: tuple[tuple[str, str, OrderStatus], ...] = (
        ("4b27b500-f031-4927-9811-68a0b525cbae", "Open", "open"),
        ("937ea84d-0a4f-4dcf-9028-3f9c2aafbf03", "Processed", "open"),
        ("aa99e8d0-c1d5-4071-b915-d240bbb1aed9", "Shipped", "open"),
        ("3725360f-519b-4b18-a593-494d60a29c9f", "Delivered", "completed"),
        ("3c85a297-e9ce-400b-b42e-9f16853d69d6", "Cancelled", "cancelled"),
    )
    return _documented(ORDER_PIPELINE, "Order Pipeline", stages)


def _documented(id: str, label: str, stages: tuple[tuple[str, str, Status], ...]) -> dict[str, Pipeline[Status]]:
    by_id = {stage: Stage(id=stage, label=name, status=status) for stage, name, status in stages}
    return {id: Pipeline(id=id, label=label, stages=by_id)}


class Person(Struct, frozen=True, kw_only=True):
    """The members of a contact that a requester needs."""

    name: str | None
    email: str | None
    phone: str | None


class Owner(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user who can own records."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    archived: bool = False


class Owners(Struct, frozen=True, kw_only=True):
    """A page of owners."""

    results: tuple[Owner, ...]


class Account(Struct, frozen=True, kw_only=True):
    """Facts about an account. The defaults are those that HubSpot documents for a new one.

    `pipelines` by id, in display order. `options` are the internal names of the options of an enumeration, in display
    order, by `contacts.lifecyclestage` and the like; without an entry they are unknown. `requesters` are the contact
    ids of the tickets that were just read, `unlinked` the tickets whose contact ids are not read yet, and `people` the
    contacts by id (None for one that is deleted or not visible). `owners` by id, None
    until a record with an owner is read.

    `ticket_to_order` is the type of the association from a ticket to an order, None if the token may not read orders.
    `ticket_orders` are the order ids of the tickets that were just read, `without_orders` the tickets whose order ids
    are not read yet.

    `order_links` are the ids of the contacts and of the line items of the orders that were just read, by type and
    order. `unlinked_orders` are the orders whose ids are not read yet, by type. `line_items` are those that were read,
    by id (None for one that is deleted).
    """

    pipelines: dict[str, Pipeline[TicketStatus]] = field(default_factory=documented_pipelines)
    order_pipelines: dict[str, Pipeline[OrderStatus]] = field(default_factory=documented_order_pipelines)
    options: dict[str, tuple[str, ...]] = {}
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    owners: dict[str, Owner] | None = None
    requesters: dict[str, tuple[str, ...]] = {}
    unlinked: tuple[str, ...] = ()
    people: dict[str, Person | None] = {}
    ticket_to_order: int | None = None
    ticket_orders: dict[str, tuple[str, ...]] = {}
    without_orders: tuple[str, ...] = ()
    order_links: dict[str, dict[str, tuple[str, ...]]] = {}
    unlinked_orders: dict[str, tuple[str, ...]] = {}
    line_items: dict[str, Stub | None] = {}
