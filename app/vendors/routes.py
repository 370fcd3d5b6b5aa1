"""Connections, for operators."""

from typing import Final

from litestar import route

from app.http.admission import AnyRequest, admit, read_body
from app.http.body import decode_patch
from app.http.deps import deps_of
from app.http.paging import whole_list
from app.http.query import Query
from app.http.responses import Answered, json_response
from app.problem_document import JSON
from app.vendors.connections import ConnectionPause, list_connections, pause_connection, resume_connection
from app.vendors.deps import VendorDeps


@route("/ops/connections", http_method=["GET"], name="list connections")
async def list_all(request: AnyRequest) -> Answered:
    """Every connection, what it does and how it is."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    found = await list_connections(deps_of(request, VendorDeps))
    return json_response(whole_list(found))


@route("/ops/connections/{name:str}/pause", http_method=["POST"], name="pause connection", status_code=200)
async def pause(request: AnyRequest) -> Answered:
    """Stop a connection in the whole installation."""
    admitted = await admit(request, "ops:write")
    order = decode_patch(await read_body(request, (JSON,)), ConnectionPause)
    Query(request, ()).check()
    view = await pause_connection(
        deps_of(request, VendorDeps), request.path_params["name"], order, actor=admitted.caller.principal
    )
    return json_response(view)


@route("/ops/connections/{name:str}/resume", http_method=["POST"], name="resume connection", status_code=200)
async def resume(request: AnyRequest) -> Answered:
    """Let a connection go on."""
    admitted = await admit(request, "ops:write")
    await read_body(request, ())
    Query(request, ()).check()
    view = await resume_connection(
        deps_of(request, VendorDeps), request.path_params["name"], actor=admitted.caller.principal
    )
    return json_response(view)


HANDLERS: Final = (
    list_all,
    pause,
    resume,
)
