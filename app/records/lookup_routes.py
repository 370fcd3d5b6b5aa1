"""HTTP operations: look up a record by a key, at one connection or at all, and list what belongs to a customer."""

from collections.abc import Sequence
from typing import Final

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from app.errors import InvalidField
from app.http.deps import HttpDeps
from app.http.headers import IF_NONE_MATCH, MAPPING, WAIT
from app.http.operation import VENDOR_READ, Call, operation
from app.http.parameters import RECORD_CONNECTION, RECORD_ID, choice, text, whole
from app.http.plurals import PLURAL
from app.http.responses import Answered, json_response, resource_response
from app.records.deps import RecordDeps
from app.records.everywhere import (
    TIME_LIMIT,
    CustomersEverywhere,
    Everywhere,
    OrdersEverywhere,
    TicketsEverywhere,
    look_up_everywhere,
    newest_of_customer,
)
from app.records.lookup import look_up, only_key
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import ObjectName
from canonical.ticket import Ticket

KEYS: Final = (
    text(
        "email",
        "The record with this e-mail address: a customer's own, or that of an order's buyer.",
        "ann@example.com",
    ),
    text("external_id", "The record with this key, which the caller assigned.", "crm-77"),
    text("number", "The record with this number, as people use it.", "#1001"),
    text("sku", "Names a product, so no connection looks up a customer, an order or a ticket by it.", "MUG-BLUE"),
)
WITHIN: Final = f"within {TIME_LIMIT:.0f} s, or the time of `Prefer: wait=N`"
CONNECTIONS: Final = choice(
    "connections",
    f"`all` asks every connection that can look up the key. The answer has what they answered {WITHIN}.",
    ("all",),
)
NEWEST: Final = whole("limit", "Maximum number of records from each linked system.", 1, 50, example=5, default=10)


def look_up_handler(object_name: ObjectName, answer: type[Struct], everywhere: type[Everywhere]) -> HTTPRouteHandler:
    """Declare the look-up of one object."""
    plural = PLURAL[object_name]

    @operation(
        "GET",
        f"/v1/{plural}/lookup",
        tag=plural.title(),
        scopes=(f"{plural}:read",),
        query=(RECORD_CONNECTION, CONNECTIONS, *KEYS),
        headers=(IF_NONE_MATCH, MAPPING, WAIT),
        answer=answer | everywhere,
        also={304: None},
        sends=("ETag",),
        name=f"look_up_{object_name}",
        text=f"Look up {'an' if object_name == 'order' else 'a'} {object_name} by a key.\n\nSend exactly one key. 404"
        " without a match, 409 with several. A look-up by e-mail address never finds agents or administrators. A key"
        " that the connection lacks is `unsupported-action`, which names the connections that have it. With"
        " `connections=all` the answer is 200: `data` has the matches of all connections, `unreachable` names the"
        " connections that did not answer in time. It has no `ETag`.",
        problems=(*VENDOR_READ, "ambiguous-match"),
    )
    async def look_up_resource(call: Call) -> Answered:
        key = only_key({by.name: value for by in KEYS if (value := call.query(by)) is not None})
        deps, wait = call.deps(RecordDeps), call.header(WAIT)
        connection, revision = call.query(RECORD_CONNECTION), call.header(MAPPING)
        if call.query(CONNECTIONS) is not None:
            if connection is not None or revision is not None:
                raise InvalidField.of("connections", "asks all connections: name no connection and no mapping")
            return json_response(await look_up_everywhere(deps, object_name, key, wait=wait))
        record = await look_up(deps, object_name, key, connection=connection, revision=revision, wait=wait)
        return resource_response(call.request, record.resource, record.etag)

    return look_up_resource


def newest_handler(object_name: ObjectName, answer: type[Everywhere]) -> HTTPRouteHandler:
    """Declare the list of a customer's newest orders or tickets."""
    plural = PLURAL[object_name]

    @operation(
        "GET",
        f"/v1/customers/{{id}}/{plural}",
        tag="Customers",
        scopes=(f"{plural}:read",),
        parameters=(RECORD_ID,),
        query=(NEWEST,),
        headers=(WAIT,),
        answer=answer,
        name=f"list_{plural}_of_customer",
        text=f"List a customer's newest {plural} in all systems.\n\nAsks every connection that the customer is linked"
        f" to. The answer has what they answered {WITHIN}, newest first, without further pages; `unreachable` names the"
        " connections whose records are missing. What several systems share under one id is listed once: as the system"
        " of record has it, else as the system where the customer was first known.",
        problems=("not-found",),
    )
    async def list_newest(call: Call) -> Answered:
        newest = await newest_of_customer(
            *(call.deps(RecordDeps), call.deps(HttpDeps).cursors, object_name, call.path("id")),
            limit=call.query(NEWEST),
            wait=call.header(WAIT),
        )
        return json_response(newest)

    return list_newest


LOOK_UPS: Final[Sequence[HTTPRouteHandler]] = (
    look_up_handler("customer", Customer, CustomersEverywhere),
    look_up_handler("order", Order, OrdersEverywhere),
    look_up_handler("ticket", Ticket, TicketsEverywhere),
    newest_handler("order", OrdersEverywhere),
    newest_handler("ticket", TicketsEverywhere),
)
