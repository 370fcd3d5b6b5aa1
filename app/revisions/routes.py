"""HTTP routes for mappings and their revisions."""

from typing import Final

from litestar import route

from app.http.admission import AnyRequest, admit, read_body
from app.http.body import decode_patch
from app.http.deps import deps_of
from app.http.paging import whole_list
from app.http.query import Query
from app.http.responses import Answered, json_response
from app.problem_document import JSON
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import RouteOrder, list_mappings, read_mapping, set_route
from app.vendors.models import Connections


@route("/ops/mappings", http_method=["GET"], name="list mappings")
async def list_all(request: AnyRequest) -> Answered:
    """List every mapping with its revisions and its route and trials at each connection."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    deps = deps_of(request, RevisionDeps)
    found = await list_mappings(deps.mapping_routes, deps.trial_book, deps_of(request, Connections).by_name)
    return json_response(whole_list(found))


@route("/ops/mappings/{mapping:str}/route", http_method=["POST"], name="route mapping", status_code=200)
async def decide(request: AnyRequest) -> Answered:
    """Set the active revision, the shadow and the canary of a mapping at a connection."""
    admitted = await admit(request, "ops:write")
    order = decode_patch(await read_body(request, (JSON,)), RouteOrder)
    Query(request, ()).check()
    deps, name = deps_of(request, RevisionDeps), request.path_params["mapping"]
    connections = deps_of(request, Connections).by_name
    await set_route(deps.mapping_routes, connections, name, order, actor=admitted.caller.principal)
    return json_response(await read_mapping(deps.mapping_routes, deps.trial_book, connections, name))


HANDLERS: Final = (list_all, decide)
