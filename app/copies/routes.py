"""HTTP operations that copy customers, orders and tickets."""

from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from app.copies.copy import CopyRequest, copy_record, copy_request
from app.copies.deps import ConsumerDeps
from app.copies.pauses import ConsumerView, list_consumers, resume_consumer
from app.http.headers import APPROVAL, CALLBACK, IDEMPOTENCY_KEY, PREFER
from app.http.operation import VENDOR_WRITE, Call, JsonBody, Listing, operation
from app.http.paging import Page, whole_list
from app.http.parameters import RECORD_CONNECTION, RECORD_ID, PathText
from app.http.plurals import PLURAL
from app.http.responses import Answered, json_response
from app.writes.answer import SkippedCopy
from app.writes.deps import WriteDeps
from app.writes.dry_run import DraftedWrite, dry_run
from app.writes.idempotency import Writers
from app.writes.models import OperationView
from app.writes.routes import (
    DRY_RUN,
    LOSS,
    MISSING,
    REPLAYS,
    missing_of,
    request_of_call,
    written_response,
)
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import ObjectName
from canonical.ticket import Ticket


def copy_handler(object_name: ObjectName, answer: type[Struct], example: dict[str, Any]) -> HTTPRouteHandler:
    """Declare the copy of one object."""
    plural = PLURAL[object_name]
    one = f"{'an' if object_name == 'order' else 'a'} {object_name}"
    people = () if object_name == "customer" else (MISSING,)

    @operation(
        "POST",
        f"/v1/{plural}/{{id}}/copies",
        tag=plural.title(),
        scopes=(f"{plural}:read", f"{plural}:write"),
        needs_all=True,
        parameters=(RECORD_ID,),
        query=(RECORD_CONNECTION, LOSS, DRY_RUN, *people),
        headers=(IDEMPOTENCY_KEY, APPROVAL, CALLBACK, PREFER),
        body=JsonBody(into=CopyRequest, example=example, raw=True),
        status=201,
        answer=answer,
        also={200: answer | SkippedCopy | DraftedWrite, 202: OperationView},
        sends=("ETag", "Location"),
        problems=(*VENDOR_WRITE, "ambiguous-match"),
        name=f"copy_{object_name}",
        text=f"Copy {one} to another connection.\n\nReads it at its own connection (`?connection=` names another one"
        f" where it is linked), writes it at the other, and links the two: both have one id. A linked {object_name} is"
        f" updated; without a link, the one that `match_on` finds. It clears only what an earlier copy"
        f" has put there. {REPLAYS}",
    )
    async def copy_resource(call: Call) -> Answered:
        missing = missing_of(call) if people else "unscoped"
        wanted = request_of_call(call, object_name, "upsert", loss=call.query(LOSS), missing=missing)
        deps = call.deps(WriteDeps)
        if call.query(DRY_RUN):
            return json_response(await dry_run(deps, await copy_request(deps, wanted)))
        return written_response(call.request, await copy_record(deps, call.deps(Writers), wanted))

    return copy_resource


NAME: Final = PathText("name", "A consumer's name: object and connection.", "customers:crm")


@operation(
    "GET",
    "/ops/consumers",
    tag="Operators",
    scopes=("ops:read",),
    answer=Listing(item=ConsumerView, meaning="Every consumer."),
)
async def read_consumers(call: Call) -> Page:
    """List consumers, and which are paused.

    A consumer whose copies would clear or remove more than 20 values within an hour is paused, and one that writes a
    record more than `most_writes_per_minute` times within a minute. Sorted by name.
    """
    return whole_list(await list_consumers(call.deps(ConsumerDeps)))


@operation("POST", "/ops/consumers/{name}/resume", tag="Operators", scopes=("ops:write",), parameters=(NAME,))
async def resume(call: Call) -> ConsumerView:
    """Resume a consumer.

    Its copies run within half a minute. If it was paused because of removals, nothing limits them for an hour. Audited.
    """
    deps, actor = call.deps(ConsumerDeps), call.caller.principal
    return await resume_consumer(deps, call.path("name"), actor=actor)


COPIES: Final = (
    copy_handler("customer", Customer, {"connection": "zendesk", "match_on": "email"}),
    copy_handler("order", Order, {"connection": "hubspot", "match_on": "external_id"}),
    copy_handler("ticket", Ticket, {"connection": "hubspot", "include": ["comments"]}),
)
