"""Customers, orders and tickets; comments; operations."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from app.errors import InvalidField
from app.http.admission import (
    MERGE_PATCH,
    Admitted,
    AnyRequest,
    admit,
    admit_any,
    content_type_of,
    read_body,
)
from app.http.body import decode_patch
from app.http.deps import deps_of
from app.http.headers import callback, idempotency_key, named_revision, preferences
from app.http.plurals import PLURAL
from app.http.query import Query
from app.http.responses import Answered, json_response, page_response, problem_type
from app.problem_document import JSON, PROBLEM_JSON
from app.telemetry import mark_replayed, name_operation, name_problem
from app.writes.deps import WriteDeps
from app.writes.dry_run import dry_run
from app.writes.intent import WriteRequest, fingerprint
from app.writes.operations import Resolution, check_operation, get_operation, list_operations, resolve_operation
from app.writes.write import Writers, Written, write
from canonical.parts import ObjectName
from mappings.spec import Action


def write_handlers(object_name: ObjectName) -> Sequence[HTTPRouteHandler]:
    """Create or upsert, and change, of one object."""
    base = f"/v1/{PLURAL[object_name]}"
    scope = f"{PLURAL[object_name]}:write"

    @route(base, http_method=["POST"], name=f"create {object_name}", status_code=201)
    async def create_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, scope)
        return await _write(request, admitted, object_name, "create", parameters=("connection", "upsert_on", "lossy"))

    @route(f"{base}/{{id:str}}", http_method=["PATCH"], name=f"change {object_name}")
    async def change_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, scope)
        return await _write(request, admitted, object_name, "update", media_types=(JSON, MERGE_PATCH))

    return [create_resource, change_resource]


@route("/v1/customers/{id:str}", http_method=["DELETE"], name="archive customer", status_code=200)
async def archive_customer(request: AnyRequest) -> Answered:
    """Archive where the vendor can."""
    admitted = await admit(request, "customers:write")
    return await _write(request, admitted, "customer", "archive", parameters=("connection",), media_types=())


@route("/v1/orders/{id:str}/cancel", http_method=["POST"], name="cancel order", status_code=200)
async def cancel_order(request: AnyRequest) -> Answered:
    """Cancel an order."""
    admitted = await admit(request, "orders:write")
    return await _write(request, admitted, "order", "cancel")


@route("/v1/tickets/{id:str}/comments", http_method=["POST"], name="add comment", status_code=201)
async def add_comment(request: AnyRequest) -> Answered:
    """Add a comment to a ticket."""
    admitted = await admit(request, "tickets:write")
    return await _write(request, admitted, "comment", "comment")


async def _write(
    request: AnyRequest,
    admitted: Admitted,
    object_name: ObjectName,
    action: Action,
    *,
    parameters: tuple[str, ...] = ("connection", "lossy"),
    media_types: tuple[str, ...] = (JSON,),
) -> Answered:
    revision = named_revision(request, admitted)
    key = idempotency_key(request)
    call_me = callback(request)
    prefers = preferences(request, later=revision is None)
    body = await read_body(request, media_types)
    query = Query(request, parameters)
    upsert_on = query.choice("upsert_on", ("email", "external_id"))
    wanted = WriteRequest(
        principal=admitted.caller.principal,
        key=key,
        fingerprint=_fingerprint(request, body),
        correlation_id=admitted.correlation_id,
        instance=request.scope["path"],
        object=object_name,
        action="upsert" if upsert_on is not None else action,
        identifier=request.path_params.get("id"),
        connection=query.text("connection"),
        upsert_on=upsert_on,
        lossy=query.choice("lossy", ("accept",)) is not None,
        if_match=request.headers.get("if-match"),
        body=body,
        respond_async=prefers.respond_async,
        callback=call_me,
        wait=prefers.wait,
        revision=revision,
    )
    deps = deps_of(request, WriteDeps)
    if revision is not None:
        return json_response(await dry_run(deps, wanted, query.check))
    written = await write(deps, deps_of(request, Writers), wanted, query.check)
    return written_response(request, written)


def _fingerprint(request: AnyRequest, body: bytes) -> bytes:
    """Method, route, path parameters, sorted query, content type, raw body."""
    parameters: dict[str, Any] = request.path_params
    return fingerprint(
        request.method.encode(),
        str(request.scope.get("path_template", "")).encode(),
        *(f"{name}={parameters[name]}".encode() for name in sorted(parameters)),
        b"&".join(sorted(request.scope["query_string"].split(b"&"))),
        content_type_of(request).encode(),
        body,
    )


STATES: Final = ("queued", "executing", "succeeded", "failed", "unknown")
SCOPES: Final[dict[str, tuple[ObjectName, ...]]] = {
    "customers:read": ("customer",),
    "customers:write": ("customer",),
    "orders:read": ("order",),
    "orders:write": ("order",),
    "tickets:read": ("ticket", "comment"),
    "tickets:write": ("ticket", "comment"),
}


@route("/v1/operations", http_method=["GET"], name="list operations")
async def list_all(request: AnyRequest) -> Answered:
    """Operations on the objects that the key may see, newest first."""
    _, held = await admit_any(request, tuple(SCOPES))
    query = Query(request, ("state", "limit", "cursor"))
    state = query.choice("state", STATES)
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 64)
    if after is not None and not after.startswith("op_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    page = await list_operations(
        deps_of(request, WriteDeps), state=state, objects=_objects(held), after=after, limit=limit
    )
    return page_response(request, page)


@route("/v1/operations/{id:str}", http_method=["GET"], name="read operation")
async def read_operation(request: AnyRequest) -> Answered:
    """One operation with its result or problem."""
    _, held = await admit_any(request, tuple(SCOPES))
    Query(request, ()).check()
    view = await get_operation(deps_of(request, WriteDeps), request.path_params["id"], _objects(held))
    return json_response(view)


@route("/v1/operations/{id:str}/check", http_method=["POST"], name="check operation", status_code=200)
async def check(request: AnyRequest) -> Answered:
    """Read back once more for an operation whose outcome is unknown."""
    admitted = await admit(request, "ops:write")
    wait = preferences(request, later=False).wait
    await read_body(request, ())
    Query(request, ()).check()
    view = await check_operation(
        deps_of(request, WriteDeps),
        deps_of(request, Writers),
        request.path_params["id"],
        wait=wait,
        actor=admitted.caller.principal,
        objects=_every_object(),
    )
    return json_response(view)


@route("/v1/operations/{id:str}/resolve", http_method=["POST"], name="resolve operation", status_code=200)
async def resolve(request: AnyRequest) -> Answered:
    """Record what a person found at the vendor."""
    admitted = await admit(request, "ops:write")
    wait = preferences(request, later=False).wait
    resolution = decode_patch(await read_body(request, (JSON,)), Resolution)
    Query(request, ()).check()
    if resolution.outcome == "failed" and resolution.remote_id is not None:
        detail = "makes no sense when the outcome is failed"
        raise InvalidField.at("/remote_id", detail)
    view = await resolve_operation(
        deps_of(request, WriteDeps),
        request.path_params["id"],
        resolution,
        wait=wait,
        actor=admitted.caller.principal,
        objects=_every_object(),
    )
    return json_response(view)


def _objects(held: tuple[str, ...]) -> tuple[ObjectName, ...]:
    return tuple(dict.fromkeys(name for scope in held for name in SCOPES[scope]))


def _every_object() -> tuple[ObjectName, ...]:
    return _objects(tuple(SCOPES))


class _Coded(Struct, frozen=True, kw_only=True):
    code: str


def written_response(request: AnyRequest, written: Written) -> Response[bytes]:
    """The answer to a write: fresh, replayed byte for byte, or 202 with the operation and where it will be."""
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
    return Response(written.answer.body, status_code=written.answer.status, headers=headers, media_type=media_type)


HANDLERS: Final = (
    *write_handlers("customer"),
    *write_handlers("order"),
    *write_handlers("ticket"),
    archive_customer,
    cancel_order,
    add_comment,
    list_all,
    read_operation,
    check,
    resolve,
)
