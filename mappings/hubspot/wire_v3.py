"""HubSpot CRM v3 on the wire, as far as we read and write it, and what we know of one account.

Every property of a record is text or null, numbers and truth values too; what was not asked for is absent. A bag of
text is therefore the honest type of `properties`: custom fields are read from it by name, everything else through
`ContactProperties` and `TicketProperties`. HubSpot has no difference between null and "": a value is cleared by
writing "", and afterwards reads as null or "". (developers.hubspot.com, Understanding the CRM)
"""

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from canonical.parts import CustomFieldSetting, Instant, ObjectName
from canonical.ticket import TicketStatus

CLEARED: Final = ""
DEFAULT_PIPELINE: Final = "0"
MARKER: Final = "lockstitch_operation_id"
"""The unique property, made by the setup, that every record we create carries: the operation that made it."""
EXTERNAL_ID: Final = "lockstitch_external_id"
"""The unique property, made by the setup, that holds the caller's own key."""

# ---------------------------------------------------------------- records


class AssociatedId(Struct, frozen=True, kw_only=True):
    """One end of an association; the same id comes once for each type of association."""

    id: str


class AssociatedIds(Struct, frozen=True, kw_only=True):
    """The associated records of one object type."""

    results: tuple[AssociatedId, ...] = ()


class TicketAssociations(Struct, frozen=True, kw_only=True):
    """What a ticket is associated with, of what was asked for."""

    contacts: AssociatedIds = AssociatedIds()


class ContactRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact as any v3 endpoint sends it."""

    id: str
    properties: dict[str, str | None]
    created_at: Instant
    updated_at: Instant
    archived: bool = False
    url: str | None = None


class TicketRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket. `associations` is there when it was asked for and there is one; searches never have it."""

    id: str
    properties: dict[str, str | None]
    created_at: Instant
    updated_at: Instant
    archived: bool = False
    url: str | None = None
    associations: TicketAssociations | UnsetType = UNSET


class ContactProperties(Struct, frozen=True, kw_only=True):
    """The properties of a contact that we read."""

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
    """What revision 2 reads of a contact beside `ContactProperties`: its further addresses, in full, and what HubSpot
    keeps of consent on the contact itself. Both lists are separated by semicolons."""

    hs_additional_emails: str | None = None
    hs_email_optout: str | None = None
    hs_legal_basis: str | None = None


class TicketProperties(Struct, frozen=True, kw_only=True):
    """The properties of a ticket that we read."""

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


class Stub(Struct, frozen=True, kw_only=True):
    """The id of a record, from an answer that need not hold the rest."""

    id: str
    properties: dict[str, str | None] = {}


# ---------------------------------------------------------------- answers around records


class NextPage(Struct, frozen=True, kw_only=True):
    """Where the next page begins."""

    after: str


class Paging(Struct, frozen=True, kw_only=True):
    """The last page has no `next`."""

    next: NextPage | None = None


class Records(Struct, frozen=True, kw_only=True):
    """A page of a list or a search, or what a batch read found."""

    results: tuple[msgspec.Raw, ...]
    paging: Paging | None = None


class AssociationTarget(Struct, frozen=True, kw_only=True, rename="camel"):
    """The far end in v4, whose id is sent as a number or as text."""

    to_object_id: int | str


class Association(Struct, frozen=True, kw_only=True):
    """One record and what it is associated with (v4 batch read)."""

    source: AssociatedId = field(name="from")
    to: tuple[AssociationTarget, ...] = ()


class AssociationsRead(Struct, frozen=True, kw_only=True):
    """Records without any association are not among the results but among the errors."""

    results: tuple[Association, ...] = ()


class StageMetadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ticketState` is OPEN or CLOSED; older answers have `isClosed` as text only."""

    ticket_state: str | None = None
    is_closed: str | None = None


class StageRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stage of a ticket pipeline, as configured by the account."""

    id: str
    label: str
    display_order: int = 0
    metadata: StageMetadata = StageMetadata()


class PipelineRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket pipeline."""

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
    """What a batch read of property definitions found."""

    results: tuple[PropertyDefinition, ...]


# ---------------------------------------------------------------- requests


class ObjectId(Struct, frozen=True, kw_only=True):
    """A record by its id, or by the value of the request's `idProperty`."""

    id: str


class AssociationType(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an association means. Type 16 of HubSpot's own leads from a ticket to a contact."""

    association_category: str = "HUBSPOT_DEFINED"
    association_type_id: int = 16


class NewAssociation(Struct, frozen=True, kw_only=True):
    """An association made together with the record."""

    to: ObjectId
    types: tuple[AssociationType, ...] = (AssociationType(),)


class RecordWrite(Struct, frozen=True, kw_only=True):
    """The properties to set, by internal name, and on a create what the record belongs to."""

    properties: dict[str, str]
    associations: tuple[NewAssociation, ...] = ()


class RecordUpdate(Struct, frozen=True, kw_only=True):
    """The body of a PATCH: a record's associations cannot be changed by it."""

    properties: dict[str, str]


class BatchRead(Struct, frozen=True, kw_only=True, rename="camel"):
    """Up to a hundred records at once; those that are not there are reported as errors beside the others."""

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
    """Conditions that must all hold (at most six)."""

    filters: tuple[Filter, ...]


class Search(Struct, frozen=True, kw_only=True, rename="camel"):
    """A search. `sorts` takes one property, ascending; `after` is an offset, of which we never use another than 0."""

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


class Stage(Struct, frozen=True, kw_only=True):
    """A stage as we understand it."""

    id: str
    label: str
    status: TicketStatus


class Pipeline(Struct, frozen=True, kw_only=True):
    """A pipeline and its stages by id, in the order in which people see them."""

    id: str
    label: str
    stages: dict[str, Stage]


def documented_pipelines() -> dict[str, Pipeline]:
    """The one pipeline that every account starts with, as HubSpot documents it."""
    stages = (
        Stage(id="1", label="New", status="new"),
        Stage(id="2", label="Waiting on contact", status="waiting_on_customer"),
        Stage(id="3", label="Waiting on us", status="open"),
        Stage(id="4", label="Closed", status="closed"),
    )
    pipeline = Pipeline(id=DEFAULT_PIPELINE, label="Support Pipeline", stages={stage.id: stage for stage in stages})
    return {pipeline.id: pipeline}


class Person(Struct, frozen=True, kw_only=True):
    """The contact behind a ticket, as far as a requester needs it."""

    name: str | None
    email: str | None
    phone: str | None


class Account(Struct, frozen=True, kw_only=True):
    """What differs between accounts and is not in the record; by default what HubSpot documents of a fresh one.

    `pipelines` by id, in display order. `options` are the internal names that an enumeration of this account takes,
    in display order, under `contacts.lifecyclestage` and the like; a property that is not named is not known.
    `requesters` are the contacts of tickets that were just read, `unlinked` those tickets whose contacts are still
    to be asked for, and `people` the contacts by id (None for one that is gone or not ours to see).
    """

    pipelines: dict[str, Pipeline] = field(default_factory=documented_pipelines)
    options: dict[str, tuple[str, ...]] = {}
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {}
    requesters: dict[str, tuple[str, ...]] = {}
    unlinked: tuple[str, ...] = ()
    people: dict[str, Person | None] = {}
