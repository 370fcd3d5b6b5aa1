"""HTTP operations that write customers, orders, tickets and comments."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from msgspec.structs import replace

from app.errors import InvalidField
from app.http.admission import MERGE_PATCH, AnyRequest, content_type_of
from app.http.edge import header_of
from app.http.headers import APPROVAL, CALLBACK, IDEMPOTENCY_KEY, IF_MATCH, MAPPING, PREFER
from app.http.operation import VENDOR_WRITE, Call, JsonBody, operation
from app.http.parameters import RECORD_CONNECTION, RECORD_ID, boolean, choice
from app.http.plurals import PLURAL, READ_SCOPE
from app.http.responses import Answered, RenderedResponse, json_response, problem_type
from app.problem_document import JSON, PROBLEM_JSON, Problem
from app.settings.ownership import KEY
from app.telemetry import mark_replayed, name_operation, name_problem
from app.writes.answer import Archived
from app.writes.deps import WriteDeps
from app.writes.dry_run import DraftedWrite, dry_run, withhold_draft
from app.writes.idempotency import Writers, Written, write
from app.writes.models import Missing, OperationView
from app.writes.request import WriteRequest
from app.writes.resolved_write import fingerprint
from app.writes.tags import TagsChange
from app.writes.withhold import SENDING, WithheldRecord, withhold_answer, withhold_raised
from canonical.classes import LossPolicy
from canonical.customer import Customer, CustomerPatch
from canonical.order import Order
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.parts import ObjectName
from canonical.ticket import Comment, CommentPatch, Ticket, TicketPatch
from mappings.endpoints import Action

UPSERT_ON: Final = choice("upsert_on", "Update the record with this value, or create one.", ("email", "external_id"))
ON_EXISTING: Final = choice(
    "on_existing",
    "With `upsert_on`: what happens with a record that exists. It is updated, or left as it is and answered.",
    ("update", "ignore"),
    default="update",
)
LOSS: Final = choice(
    "loss",
    "What the write may lose: nothing, descriptive fields, or anything. Losses are listed in `meta.loss`.",
    ("none", "descriptive", "any"),
    example="descriptive",
    default="descriptive",
)
LOSS_POLICIES: Final[dict[str | None, LossPolicy]] = {
    None: "descriptive",
    "none": "none",
    "descriptive": "descriptive",
    "any": "any",
}
MISSING: Final = choice(
    "missing",
    "What happens with a customer or requester whom the system does not know yet, where it needs one: created as a"
    " customer, if the key has the scope `customers:write`, or refused.",
    ("create", "refuse"),
    default="create",
)
DRY_RUN: Final = boolean(
    "dry_run", "Judge the write and answer 200 with the verdict per field. Nothing is sent; a key is not needed."
)
HEADERS: Final = (MAPPING, IDEMPOTENCY_KEY, APPROVAL, CALLBACK, PREFER)
REPLAYS: Final = (
    "A repeated request with the same key gets the recorded answer, byte for byte, without a call to the vendor."
    " Answers are kept for 7 days by default (LOCKSTITCH_OPERATION_RETENTION_DAYS); then the key is free again."
    " While the outcome is undecided, the answer is 202 with the operation; with `Prefer: respond-async`, at once."
    " The event `operation.finished` reports the outcome. A key without the read scope of the object gets `id`, `meta`"
    " and the values as it sent them."
)
CREATES: Final = (
    "A customer or requester who is named by e-mail address and whom the system does not know is created there first,"
    " in an operation of its own (`part_of`), if the system needs a customer and the key has the scope"
    " `customers:write`. `missing=refuse` creates no one, and so does an order with `is_guest` true. "
)
PEOPLE_SCOPE: Final = "customers:write"
CUSTOMER: Final = {
    "first_name": "Ann",
    "last_name": "Bell",
    "emails": [{"address": "ann@example.com", "is_primary": True}],
}
ORDER: Final = {
    "external_id": "web-1001",
    "currency": "EUR",
    "customer": {"email": "ann@example.com"},
    "line_items": [{"name": "Mug", "quantity": "2", "unit_price": "5.00"}],
}
TICKET: Final = {
    "external_id": "form-815",
    "subject": "Late parcel",
    "description": "Order #1001 has not arrived.",
    "requester": {"name": "Ann Bell", "email": "ann@example.com"},
}
CHANGES: Final[dict[str, dict[str, Any]]] = {
    "customer": {"job_title": "Head of bindery", "language": "de"},
    "order": {"tags": ["gift"]},
    "ticket": {"priority": "high", "tags": ["parcel"]},
}
"""What the examples of updates change."""


def write_handlers(
    object_name: ObjectName, answer: type[Struct], patch: type[Struct], example: dict[str, Any], keys: str
) -> Sequence[HTTPRouteHandler]:
    """Declare the create or upsert, the change, and the change of tags, of one object."""
    plural = PLURAL[object_name]
    tag, scopes = plural.title(), (f"{plural}:write",)
    one = f"{'an' if object_name == 'order' else 'a'} {object_name}"
    body = JsonBody(into=patch, example=example, raw=True)
    people = () if object_name == "customer" else (MISSING,)
    creates = CREATES if people else ""
    requesters = people if object_name == "ticket" else ()

    @operation(
        "POST",
        f"/v1/{plural}",
        tag=tag,
        scopes=scopes,
        query=(RECORD_CONNECTION, UPSERT_ON, ON_EXISTING, LOSS, DRY_RUN, *people),
        headers=HEADERS,
        body=body,
        status=201,
        answer=answer | WithheldRecord,
        also={200: answer | WithheldRecord | DraftedWrite, 202: OperationView},
        sends=("ETag", "Location"),
        problems=VENDOR_WRITE,
        name=f"create_{object_name}",
        text=f"Create or upsert {one}.\n\nWith `upsert_on` ({keys}), update the {object_name} with this value, or"
        f" create one; with `on_existing=ignore`, find it or create one. {creates}{REPLAYS}",
    )
    async def create_resource(call: Call) -> Answered:
        missing = missing_of(call) if people else "unscoped"
        upsert_on, ignores = call.query(UPSERT_ON), call.query(ON_EXISTING) == "ignore"
        if ignores and upsert_on is None:
            raise InvalidField.of("on_existing", "needs upsert_on, which says how the record is found")
        return await _write(call, object_name, "create", upsert_on=upsert_on, unless_found=ignores, missing=missing)

    @operation(
        "PATCH",
        f"/v1/{plural}/{{id}}",
        tag=tag,
        scopes=scopes,
        parameters=(RECORD_ID,),
        query=(RECORD_CONNECTION, LOSS, DRY_RUN, *requesters),
        headers=(IF_MATCH, *HEADERS),
        body=replace(body, example=CHANGES[object_name], media_types=(JSON, MERGE_PATCH)),
        answer=answer | WithheldRecord | DraftedWrite,
        also={202: OperationView},
        sends=("ETag",),
        problems=VENDOR_WRITE,
        name=f"change_{object_name}",
        text=f"Update {one}.\n\nJSON Merge Patch (RFC 7396): an absent field stays, null clears it, an array is"
        f" replaced. {REPLAYS}",
    )
    async def change_resource(call: Call) -> Answered:
        return await _write(call, object_name, "update", missing=missing_of(call) if requesters else "unscoped")

    @operation(
        "POST",
        f"/v1/{plural}/{{id}}/tags",
        tag=tag,
        scopes=scopes,
        parameters=(RECORD_ID,),
        query=(RECORD_CONNECTION, DRY_RUN),
        headers=(IF_MATCH, *HEADERS),
        body=JsonBody(into=TagsChange, example={"add": ["vip"], "remove": ["prospect"]}, raw=True),
        answer=answer | WithheldRecord | DraftedWrite,
        also={202: OperationView},
        sends=("ETag",),
        problems=VENDOR_WRITE,
        name=f"change_tags_of_{object_name}",
        text=f"Add and remove tags of {one}.\n\nThe {object_name} keeps its other tags. Changes of the same"
        f" {object_name}'s tags run one after the other, so none is lost. {REPLAYS}",
    )
    async def change_tags(call: Call) -> Answered:
        return await _write(call, object_name, "update", may_lose=False, edits_tags=True)

    return [create_resource, change_resource, change_tags]


@operation(
    "DELETE",
    "/v1/customers/{id}",
    tag="Customers",
    scopes=("customers:write",),
    parameters=(RECORD_ID,),
    query=(RECORD_CONNECTION, DRY_RUN),
    headers=(IF_MATCH, *HEADERS),
    answer=Archived | DraftedWrite,
    also={202: OperationView},
    problems=VENDOR_WRITE,
    text=f"Archive a customer.\n\nOnly if the vendor supports it. The id of a customer that was merged into another one"
    f" names the survivor. {REPLAYS}",
)
async def archive_customer(call: Call) -> Answered:
    """Archive a customer, if the vendor supports it."""
    return await _write(call, "customer", "archive", may_lose=False)


@operation(
    "POST",
    "/v1/orders/{id}/cancel",
    tag="Orders",
    scopes=("orders:write",),
    parameters=(RECORD_ID,),
    query=(RECORD_CONNECTION, LOSS, DRY_RUN),
    headers=(IF_MATCH, *HEADERS),
    body=JsonBody(into=OrderCancel, example={"reason": "customer", "restock": True}, raw=True),
    answer=Order | WithheldRecord | DraftedWrite,
    also={202: OperationView},
    sends=("ETag",),
    problems=VENDOR_WRITE,
    text=f"Cancel an order.\n\n202 while the vendor still processes it. {REPLAYS}",
)
async def cancel_order(call: Call) -> Answered:
    """Cancel an order."""
    return await _write(call, "order", "cancel")


@operation(
    "POST",
    "/v1/tickets/{id}/comments",
    tag="Tickets",
    scopes=("tickets:write",),
    parameters=(RECORD_ID,),
    query=(RECORD_CONNECTION, LOSS, DRY_RUN),
    headers=HEADERS,
    body=JsonBody(into=CommentPatch, example={"body_text": "It is on its way.", "visibility": "public"}, raw=True),
    status=201,
    answer=Comment | WithheldRecord,
    also={200: DraftedWrite, 202: OperationView},
    problems=VENDOR_WRITE,
    text=f"Add a comment to a ticket.\n\n{REPLAYS}",
)
async def add_comment(call: Call) -> Answered:
    """Add a comment to a ticket."""
    return await _write(call, "comment", "comment")


def missing_of(call: Call) -> Missing:
    """Return what happens with a person who is missing."""
    if call.query(MISSING) == "refuse":
        return "refuse"
    return "create" if PEOPLE_SCOPE in call.caller.scopes else "unscoped"


async def _write(
    call: Call,
    object_name: ObjectName,
    action: Action,
    *,
    upsert_on: str | None = None,
    unless_found: bool = False,
    may_lose: bool = True,
    edits_tags: bool = False,
    missing: Missing = "unscoped",
) -> Answered:
    """Write. `may_lose` is whether the call has the parameter `loss`."""
    revision = call.header(MAPPING)
    wanted = replace(
        request_of_call(call, object_name, action, loss=call.query(LOSS) if may_lose else None, missing=missing),
        if_match=header_of(call.request.scope, "if-match"),
        revision=revision,
        edits_tags=edits_tags,
        writer=f"{KEY}{call.caller.name}",
    )
    if upsert_on is not None:
        wanted = replace(wanted, action="upsert", upsert_on=upsert_on, unless_found=unless_found)
    deps, reads = call.deps(WriteDeps), READ_SCOPE[object_name] in call.caller.scopes
    try:
        if revision is not None or call.query(DRY_RUN):
            drafted = await dry_run(deps, wanted)
            return json_response(drafted if reads else withhold_draft(drafted, object_name))
        written = await write(deps, call.deps(Writers), wanted)
    except Problem as problem:
        if not reads:
            withhold_raised(problem, object_name)
        raise
    if not reads and written.answer is not None:
        sent = call.raw_body if wanted.action in SENDING and not edits_tags else b""
        written = replace(written, answer=withhold_answer(written.answer, object_name, sent))
    return written_response(call.request, written)


def request_of_call(
    call: Call, object_name: ObjectName, action: Action, *, loss: str | None, missing: Missing
) -> WriteRequest:
    """Return the write that a call requests, as far as all calls that write are alike."""
    request, prefers = call.request, call.header(PREFER)
    return WriteRequest(
        principal=call.caller.principal,
        key=call.header(IDEMPOTENCY_KEY),
        fingerprint=_fingerprint(request, call.raw_body),
        correlation_id=call.correlation_id,
        instance=request.scope["path"],
        object=object_name,
        action=action,
        identifier=request.path_params.get("id"),
        connection=call.query(RECORD_CONNECTION),
        loss=LOSS_POLICIES[loss],
        body=call.raw_body,
        respond_async=prefers.respond_async,
        callback=call.header(CALLBACK),
        wait=prefers.wait,
        query_errors=call.query_errors,
        missing=missing,
        needs_approval=call.caller.needs_approval or call.header(APPROVAL),
        caller=call.caller.name,
    )


def _fingerprint(request: AnyRequest, body: bytes) -> bytes:
    """Return the fingerprint of method, route, path parameters, sorted query, content type and raw body."""
    parameters: dict[str, Any] = request.path_params
    return fingerprint(
        request.method.encode(),
        str(request.scope.get("path_template", "")).encode(),
        *(f"{name}={parameters[name]}".encode() for name in sorted(parameters)),
        b"&".join(sorted(request.scope["query_string"].split(b"&"))),
        content_type_of(request).encode(),
        body,
    )


class _Coded(Struct, frozen=True, kw_only=True):
    code: str


def written_response(request: AnyRequest, written: Written) -> Response[bytes]:
    """Return the answer to a write: fresh, replayed byte for byte, or 202 with the operation and its location."""
    name_operation(written.operation_id)
    if written.operation is not None:
        location = f"/v1/operations/{written.operation.id}"
        return json_response(written.operation, status=202, headers={"location": location})
    assert written.answer is not None  # noqa: S101 - one of the two is there
    headers = dict(written.answer.headers)
    media_type = headers.pop("content-type", JSON)
    if media_type == PROBLEM_JSON:
        media_type = problem_type(request)
        name_problem(msgspec.json.decode(written.answer.body, type=_Coded).code)
    if written.replayed:
        headers["idempotent-replayed"] = "true"
        mark_replayed()
    body, status = written.answer.body, written.answer.status
    return RenderedResponse(body, status_code=status, headers=headers, media_type=media_type)


WRITES: Final = (
    *write_handlers("customer", Customer, CustomerPatch, CUSTOMER, "email or external_id"),
    *write_handlers("order", Order, OrderPatch, ORDER, "external_id"),
    *write_handlers("ticket", Ticket, TicketPatch, TICKET, "external_id"),
)
