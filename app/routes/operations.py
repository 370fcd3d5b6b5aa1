"""Operations: what became of a write, and the decision of a person where nobody can know."""

from typing import Final

from litestar import route

from app.errors import InvalidField
from app.flows.decode import decode_patch
from app.flows.operations import Resolution, check_operation, get_operation, list_operations, resolve_operation
from app.problem_document import JSON
from app.routes.admission import AnyRequest, admit, admit_any, read_body
from app.routes.answers import json_response, page_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of
from canonical.parts import ObjectName

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
        services_of(request).seam, state=state, objects=_objects(held), after=after, limit=limit
    )
    return page_response(request, page)


@route("/v1/operations/{id:str}", http_method=["GET"], name="read operation")
async def read_operation(request: AnyRequest) -> Answered:
    """One operation with its result or problem."""
    _, held = await admit_any(request, tuple(SCOPES))
    Query(request, ()).check()
    view = await get_operation(services_of(request).seam, request.path_params["id"], _objects(held))
    return json_response(view)


@route("/v1/operations/{id:str}/check", http_method=["POST"], name="check operation", status_code=200)
async def check(request: AnyRequest) -> Answered:
    """Read back once more for an operation whose outcome is unknown."""
    admitted = await admit(request, "ops:write")
    await read_body(request, ())
    Query(request, ()).check()
    view = await check_operation(
        services_of(request).seam,
        request.path_params["id"],
        actor=admitted.caller.principal,
        objects=_every_object(),
    )
    return json_response(view)


@route("/v1/operations/{id:str}/resolve", http_method=["POST"], name="resolve operation", status_code=200)
async def resolve(request: AnyRequest) -> Answered:
    """Record what a person found at the vendor."""
    admitted = await admit(request, "ops:write")
    resolution = decode_patch(await read_body(request, (JSON,)), Resolution)
    Query(request, ()).check()
    if resolution.outcome == "failed" and resolution.remote_id is not None:
        detail = "makes no sense when the outcome is failed"
        raise InvalidField.at("/remote_id", detail)
    view = await resolve_operation(
        services_of(request).seam,
        request.path_params["id"],
        resolution,
        actor=admitted.caller.principal,
        objects=_every_object(),
    )
    return json_response(view)


def _objects(held: tuple[str, ...]) -> tuple[ObjectName, ...]:
    return tuple(dict.fromkeys(name for scope in held for name in SCOPES[scope]))


def _every_object() -> tuple[ObjectName, ...]:
    return _objects(tuple(SCOPES))
