"""HTTP operations of connections, for operators."""

from typing import Final

from app.http.operation import Call, JsonBody, Listing, operation
from app.http.paging import whole_list
from app.http.parameters import PathText
from app.http.responses import Answered, json_response
from app.vendors import connections
from app.vendors.connections import ConnectionPause, ConnectionView
from app.vendors.deps import VendorDeps

TAG: Final = "Operators"
NAME: Final = PathText("name", "A connection's name.", "hubspot")
PAUSE: Final = JsonBody(into=ConnectionPause, example={"note": "moving to another account"})


@operation(
    "GET",
    "/ops/connections",
    tag=TAG,
    scopes=("ops:read",),
    answer=Listing(item=ConnectionView, meaning="Every connection."),
)
async def list_connections(call: Call) -> Answered:
    """List connections with their objects and state.

    Sorted by name. Throttled and failing states are those that this process and the queue have observed.
    """
    return json_response(whole_list(await connections.list_connections(call.deps(VendorDeps))))


@operation(
    "POST",
    "/ops/connections/{name}/pause",
    tag=TAG,
    scopes=("ops:write",),
    parameters=(NAME,),
    body=PAUSE,
    answer=ConnectionView,
)
async def pause_connection(call: Call) -> Answered:
    """Pause a connection.

    Within about a second, no process sends anything on it. Calls are answered with `connection-paused`. Jobs and
    accepted writes wait, including writes whose outcome must be read back. Audited.
    """
    deps, order, actor = call.deps(VendorDeps), call.body(PAUSE), call.caller.principal
    return json_response(await connections.pause_connection(deps, call.path("name"), order, actor=actor))


@operation(
    "POST",
    "/ops/connections/{name}/resume",
    tag=TAG,
    scopes=("ops:write",),
    parameters=(NAME,),
    answer=ConnectionView,
)
async def resume_connection(call: Call) -> Answered:
    """Resume a connection.

    After a refused credential, Lockstitch sends one request first. Its result decides. Audited.
    """
    deps, actor = call.deps(VendorDeps), call.caller.principal
    return json_response(await connections.resume_connection(deps, call.path("name"), actor=actor))


HANDLERS: Final = (list_connections, pause_connection, resume_connection)
