"""Customers, orders and tickets: three resources that behave alike, and the comments of a ticket."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from app.flows.dry_run import dry_run
from app.flows.intents import WriteRequest, fingerprint
from app.flows.locate import PLURAL
from app.flows.read import ListRequest, read_one, read_page
from app.flows.write import write
from app.problem_document import JSON
from app.routes.admission import (
    MERGE_PATCH,
    Admitted,
    AnyRequest,
    admit,
    callback,
    content_type_of,
    idempotency_key,
    named_revision,
    preferences,
    read_body,
)
from app.routes.answers import json_response, page_response, resource_response, written_response
from app.routes.queries import Query
from app.routes.services import services_of
from canonical.parts import ObjectName
from mappings.spec import Action

FILTERS: Final[dict[ObjectName, tuple[str, ...]]] = {
    "customer": ("email", "external_id"),
    "order": ("email", "number", "external_id", "status"),
    "ticket": ("number", "external_id", "status"),
    "comment": (),
}
LIST_PARAMETERS: Final = ("connection", "limit", "cursor", "updated_since")
Answered = Response[bytes]


def resource_handlers(object_name: ObjectName) -> Sequence[HTTPRouteHandler]:
    """The five calls of one object: list, read, create or upsert, change, and archive for customers."""
    base = f"/v1/{PLURAL[object_name]}"
    reads, writes = f"{PLURAL[object_name]}:read", f"{PLURAL[object_name]}:write"

    @route(base, http_method=["GET"], name=f"list {object_name}")
    async def list_resources(request: AnyRequest) -> Answered:
        admitted = await admit(request, reads)
        return await _list(request, admitted, object_name, None)

    @route(f"{base}/{{id:str}}", http_method=["GET"], name=f"read {object_name}")
    async def read_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, reads)
        revision = named_revision(request, admitted)
        query = Query(request, ("connection", "include"))
        connection = query.text("connection")
        include = query.choice("include", ("raw",))
        query.check()
        found = await read_one(
            services_of(request).seam,
            object_name,
            request.path_params["id"],
            connection=connection,
            include_raw=include == "raw",
            revision=revision,
        )
        return resource_response(request, found.resource, found.etag)

    @route(base, http_method=["POST"], name=f"create {object_name}", status_code=201)
    async def create_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, writes)
        return await _write(request, admitted, object_name, "create", parameters=("connection", "upsert_on", "lossy"))

    @route(f"{base}/{{id:str}}", http_method=["PATCH"], name=f"change {object_name}")
    async def change_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, writes)
        return await _write(request, admitted, object_name, "update", media_types=(JSON, MERGE_PATCH))

    return [list_resources, read_resource, create_resource, change_resource]


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


@route("/v1/tickets/{id:str}/comments", http_method=["GET"], name="list comments")
async def list_comments(request: AnyRequest) -> Answered:
    """The comments of a ticket, oldest first where the vendor lists them so."""
    admitted = await admit(request, "tickets:read")
    return await _list(request, admitted, "comment", request.path_params["id"])


@route("/v1/tickets/{id:str}/comments", http_method=["POST"], name="add comment", status_code=201)
async def add_comment(request: AnyRequest) -> Answered:
    """Add a comment to a ticket."""
    admitted = await admit(request, "tickets:write")
    return await _write(request, admitted, "comment", "comment")


async def _list(request: AnyRequest, admitted: Admitted, object_name: ObjectName, parent: str | None) -> Answered:
    revision = named_revision(request, admitted)
    filters = FILTERS[object_name]
    known = LIST_PARAMETERS + filters if parent is None else ("connection", "limit", "cursor")
    query = Query(request, known)
    wanted = ListRequest(
        object=object_name,
        connection=query.text("connection"),
        limit=query.whole("limit", 1, 250, 50),
        cursor=query.text("cursor", 4096),
        updated_since=query.instant("updated_since"),
        filters=query.several(filters),
        parent=parent,
        revision=revision,
    )
    query.check()
    services = services_of(request)
    page = await read_page(services.seam, services.cursors, wanted)
    return page_response(request, page)


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
    prefers = preferences(request)
    at_once = 0.0 if prefers.respond_async else None
    wait = at_once if prefers.wait is None else prefers.wait
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
        wait_own=10.0 if wait is None else wait,
        wait_other=2.0 if wait is None else wait,
        revision=revision,
    )
    services = services_of(request)
    if revision is not None:
        return json_response(await dry_run(services.seam, wanted, query.check))
    written = await write(services.seam, services.writers, wanted, query.check)
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
