"""Bulk redrives: tried out, started, watched, cancelled."""

from typing import Final

from litestar import route

from app.flows.decode import decode_patch
from app.flows.redrive import (
    RedriveRequest,
    cancel_redrive,
    list_redrives,
    read_redrive,
    start_redrive,
    try_out,
)
from app.problem_document import JSON
from app.routes.admission import AnyRequest, admit, read_body
from app.routes.answers import json_response, page_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of

PATH: Final = "/ops/redrives"


@route(PATH, http_method=["POST"], name="start redrive", status_code=201)
async def start(request: AnyRequest) -> Answered:
    """Begin one that a worker carries on, or only tell what it would take."""
    admitted = await admit(request, "ops:write")
    wanted = decode_patch(await read_body(request, (JSON,)), RedriveRequest)
    Query(request, ()).check()
    operators = services_of(request).operators
    if wanted.dry_run:
        return json_response(await try_out(operators, wanted))
    redrive = await start_redrive(
        operators, wanted, actor=admitted.caller.principal, correlation_id=admitted.correlation_id
    )
    return json_response(redrive, status=201, headers={"location": f"{PATH}/{redrive.id}"})


@route(PATH, http_method=["GET"], name="list redrives")
async def list_all(request: AnyRequest) -> Answered:
    """Every redrive, newest first."""
    await admit(request, "ops:read")
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("rdv_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    return page_response(request, await list_redrives(services_of(request).operators, after=after, limit=limit))


@route("/ops/redrives/{id:str}", http_method=["GET"], name="read redrive")
async def read_one(request: AnyRequest) -> Answered:
    """How far it has come, and when it will be through."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(await read_redrive(services_of(request).operators, request.path_params["id"]))


@route("/ops/redrives/{id:str}/cancel", http_method=["POST"], name="cancel redrive", status_code=200)
async def cancel(request: AnyRequest) -> Answered:
    """Go on no more."""
    admitted = await admit(request, "ops:write")
    await read_body(request, ())
    Query(request, ()).check()
    redrive = await cancel_redrive(
        services_of(request).operators, request.path_params["id"], actor=admitted.caller.principal
    )
    return json_response(redrive)
