"""HTTP operations: read and list customers, orders, tickets and comments; field options; data contracts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast, get_args

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from app.errors import InvalidField, NotFound
from app.http.admission import AnyRequest
from app.http.cursors import LONGEST
from app.http.deps import HttpDeps
from app.http.headers import IF_NONE_MATCH, MAPPING, WAIT
from app.http.operation import VENDOR_READ, Call, Listing, operation
from app.http.paging import Page, whole_list
from app.http.parameters import (
    LIMIT,
    RECORD_CONNECTION,
    RECORD_ID,
    Parameter,
    PathText,
    choice,
    choices,
    cursor,
    instant,
    text,
    whole,
)
from app.http.plurals import PLURAL
from app.http.responses import Answered, page_response, resource_response
from app.records import options
from app.records.contracts import ContractSummary, DataContract, OfferedConnection, describe_contract, list_connections
from app.records.contracts import list_contracts as summaries
from app.records.deps import RecordDeps
from app.records.last_seen import OLDEST_STATE, Tolerance
from app.records.options import OLDEST, OptionsView
from app.records.read import ListRequest, read_one, read_page
from canonical.customer import Customer
from canonical.order import Order, OrderStatus
from canonical.parts import ObjectName
from canonical.ticket import Comment, Ticket, TicketStatus
from mappings.endpoints import Sort

ABOUT: Final = "About"
OBJECT: Final = PathText("object", "customer, order or ticket.", "customer")
INCLUDE: Final = choices(
    "include",
    "`raw` adds the vendor's payload, `owners` who owns each field (`meta.owners`), `references` the names and"
    " addresses of references that take further reads at the vendor. Separate several by commas.",
    ("raw", "owners", "references"),
    example="raw",
)
CURSOR: Final = cursor(longest=LONGEST)
UPDATED_SINCE: Final = instant("updated_since", "Only records changed at or after this time")
EMAIL: Final = text(
    "email", "Only this exact address: the customer's, the buyer's or the requester's.", "ann@example.com"
)
NUMBER: Final = text("number", "Only this exact number, as people use it.", "#1001")
EXTERNAL_ID: Final = text("external_id", "Only this exact key, which the caller assigned.", "crm-77")
ORDER_STATUS: Final = choice("status", "Only this canonical status.", get_args(OrderStatus), example="open")
TICKET_STATUS: Final = choice("status", "Only this canonical status.", get_args(TicketStatus), example="open")
CUSTOMER: Final = text(
    "customer",
    "Only orders of this customer: a canonical id, `<connection>:<vendor id>`, or an e-mail address.",
    "ann@example.com",
)
REQUESTER: Final = text(
    "requester",
    "Only tickets of this requester: a canonical id, `<connection>:<vendor id>`, or an e-mail address.",
    "ann@example.com",
)
SORT: Final = choice(
    "sort",
    "By time of creation or change, oldest first; with a minus, newest first. `/v1/contracts/{object}` lists what each"
    " connection supports.",
    get_args(Sort),
    example="-created_at",
)
MAX_AGE: Final = whole(
    "max_age",
    "Maximum age in seconds. 0 asks the vendor now, unless the lists are less than five seconds old.",
    0,
    OLDEST,
    example=60,
    default=None,
)
ACCEPTED_AGE: Final = whole(
    "max_age",
    "Answer from the last-seen state if it is at most so many seconds old.",
    *(0, OLDEST_STATE),
    example=60,
    default=None,
)
STALE_IF_ERROR: Final = whole(
    "stale_if_error",
    "While the vendor is down, throttles or refuses the credential, answer from the last-seen state if it is at most so"
    " many seconds old.",
    *(0, OLDEST_STATE),
    example=86_400,
    default=None,
)
Filters = tuple[Parameter[str | None], ...]
OBJECTS: Final[dict[str, ObjectName]] = {name: name for name in PLURAL if name != "comment"}


def _tolerance(call: Call) -> Tolerance | None:
    """Return the age that the caller accepts. Raises InvalidField for one beside what only a live read has."""
    tolerance = Tolerance(max_age=call.query(ACCEPTED_AGE), stale_if_error=call.query(STALE_IF_ERROR))
    if tolerance == Tolerance():
        return None
    live = "include" if call.query(INCLUDE) else "X-Lockstitch-Mapping" if call.header(MAPPING) else None
    if live is not None:
        raise InvalidField.of(
            "stale_if_error" if tolerance.max_age is None else "max_age",
            f"does not go with {live}, which needs a live read",
        )
    return tolerance


def read_handlers(object_name: ObjectName, answer: type[Struct], filters: Filters) -> Sequence[HTTPRouteHandler]:
    """Declare the list and the read of one object."""
    plural = PLURAL[object_name]
    tag, scopes = plural.title(), (f"{plural}:read",)
    one = f"{'an' if object_name == 'order' else 'a'} {object_name}"

    @operation(
        "GET",
        f"/v1/{plural}",
        tag=tag,
        scopes=scopes,
        query=(RECORD_CONNECTION, LIMIT, CURSOR, UPDATED_SINCE, SORT, *filters),
        headers=(MAPPING, WAIT),
        answer=Listing(item=answer, meaning=f"A page of {plural}."),
        sends=("Link",),
        name=f"list_{plural}",
        text=f"List {plural}.\n\nRead live from the vendor. Filters are exact. A filter or sort that the connection"
        " does not support is refused, and the detail names those that it supports.",
        problems=(*VENDOR_READ, "ambiguous-match"),
    )
    async def list_resources(call: Call) -> Answered:
        wanted = {by.name: value for by in filters if (value := call.query(by)) is not None}
        sort = cast("Sort | None", call.query(SORT))
        return await _list(call, object_name, updated_since=call.query(UPDATED_SINCE), filters=wanted, sort=sort)

    @operation(
        "GET",
        f"/v1/{plural}/{{id}}",
        tag=tag,
        scopes=scopes,
        parameters=(RECORD_ID,),
        query=(RECORD_CONNECTION, INCLUDE, ACCEPTED_AGE, STALE_IF_ERROR),
        headers=(IF_NONE_MATCH, MAPPING, WAIT),
        answer=answer,
        also={304: None},
        sends=("ETag", "Age"),
        name=f"read_{object_name}",
        text=f"Read {one}.\n\nRead live from the vendor, unless `max_age` or `stale_if_error` accepts the last-seen"
        " state. Then `meta.as_of` and `Age` say how old it is, and there is no `ETag`. A record of an export is always"
        " answered so.",
        problems=VENDOR_READ,
    )
    async def read_resource(call: Call) -> Answered:
        record = await read_one(
            call.deps(RecordDeps),
            object_name,
            call.path("id"),
            connection=call.query(RECORD_CONNECTION),
            include=call.query(INCLUDE),
            revision=call.header(MAPPING),
            wait=call.header(WAIT),
            tolerance=_tolerance(call),
        )
        return resource_response(call.request, record.resource, record.etag, record.age)

    return [list_resources, read_resource]


@operation(
    "GET",
    "/v1/tickets/{id}/comments",
    tag="Tickets",
    scopes=("tickets:read",),
    parameters=(RECORD_ID,),
    query=(RECORD_CONNECTION, LIMIT, CURSOR),
    headers=(MAPPING, WAIT),
    answer=Listing(item=Comment, meaning="A page of the comments of a ticket."),
    sends=("Link",),
    problems=VENDOR_READ,
)
async def list_comments(call: Call) -> Answered:
    """List the comments of a ticket.

    Oldest first, if the vendor lists them in this order.
    """
    return await _list(call, "comment", parent=call.path("id"))


async def _list(
    call: Call,
    object_name: ObjectName,
    *,
    updated_since: datetime | None = None,
    filters: Mapping[str, str] | None = None,
    sort: Sort | None = None,
    parent: str | None = None,
) -> Answered:
    wanted = ListRequest(
        object=object_name,
        connection=call.query(RECORD_CONNECTION),
        limit=call.query(LIMIT),
        cursor=call.query(CURSOR),
        updated_since=updated_since,
        filters=filters or {},
        sort=sort,
        parent=parent,
        revision=call.header(MAPPING),
        wait=call.header(WAIT),
    )
    return page_response(call.request, await read_page(call.deps(RecordDeps), call.deps(HttpDeps).cursors, wanted))


def _option_scopes(request: AnyRequest) -> tuple[str, ...]:
    name: str = request.path_params["object"]
    if name not in OBJECTS:
        raise NotFound(f"Unknown object {name[:80]!r}. The objects are {', '.join(OBJECTS)}.")
    plural = PLURAL[OBJECTS[name]]
    return (f"{plural}:read", f"{plural}:write")


@operation(
    "GET",
    "/v1/options/{connection}/{object}/{field}",
    tag=ABOUT,
    scopes=tuple(f"{PLURAL[name]}:{verb}" for name in OBJECTS.values() for verb in ("read", "write")),
    scopes_of=_option_scopes,
    parameters=(
        PathText("connection", "A connection's name.", "hubspot"),
        OBJECT,
        PathText("field", "A field of the object, such as status, owner, custom_fields.loyalty_tier.", "status"),
    ),
    query=(MAX_AGE,),
    headers=(WAIT,),
    problems=VENDOR_READ,
)
async def read_options(call: Call) -> OptionsView:
    """List the options of a field at a connection.

    For drop-downs: owners, agents, groups, statuses, priorities and choices of custom fields (`custom_fields.<key>`),
    as configured in the account; at HubSpot also `pipeline` and `stage`, by the account's own ids. Write the `value`,
    show the `label`; the value of a reference is its `remote_id`. `active: false` marks a value that only older records
    hold. A field without options is refused with `invalid-field`, which names the fields that have options.

    A write accepts exactly the listed values for a field with canonical values, and for a custom field of type `enum`
    or `multi_enum` if the account reports its choices: HubSpot's property options, Zendesk's ticket and user fields,
    Freshdesk's drop-downs, restricted picklists of Salesforce, Shopify's metafield definitions. Another value is
    `invalid-field` with the choices, and nothing is sent. If the account reports none (Medusa, WooCommerce, Stripe, a
    credential that may not read field definitions), the vendor judges. Before Lockstitch refuses a write for such a
    reason, it fetches facts older than a minute again, so a choice that was just added counts.

    Lists are at most about ten minutes old. `max_age=60` asks for newer ones, 0 for current ones; lists of the last
    five seconds are always served. While the vendor is down, callers without `max_age` get older lists; `age_seconds`
    is their age.
    """
    return await options.read_options(
        call.deps(RecordDeps),
        call.path("connection"),
        OBJECTS[call.path("object")],
        call.path("field"),
        max_age=call.query(MAX_AGE),
        wait=call.header(WAIT),
    )


@operation(
    "GET",
    "/v1/connections",
    tag=ABOUT,
    answer=Listing(item=OfferedConnection, meaning="All connections.", name="OfferedConnectionList"),
)
async def offer_connections(call: Call) -> Page:
    """List the connections, for drop-downs: their names, vendors, objects, and what can be done with each."""
    return whole_list(list_connections(call.deps(RecordDeps)))


@operation(
    "GET",
    "/v1/contracts",
    tag=ABOUT,
    answer=Listing(item=ContractSummary, meaning="All data contracts in brief.", name="ContractList"),
)
async def list_contracts(call: Call) -> Page:
    """List data contracts."""
    return whole_list(summaries())


@operation("GET", "/v1/contracts/{object}", tag=ABOUT, parameters=(OBJECT,))
async def read_contract(call: Call) -> DataContract:
    """Read a data contract, its schemas, and what each connection reads and writes."""
    return describe_contract(call.deps(RecordDeps), call.path("object"))


READS: Final = (
    *read_handlers("customer", Customer, (EMAIL, EXTERNAL_ID)),
    *read_handlers("order", Order, (EMAIL, NUMBER, EXTERNAL_ID, ORDER_STATUS, CUSTOMER)),
    *read_handlers("ticket", Ticket, (EMAIL, NUMBER, EXTERNAL_ID, TICKET_STATUS, REQUESTER)),
)
