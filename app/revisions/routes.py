"""HTTP operations of mappings and their revisions."""

from typing import Final

from app.http.operation import Call, JsonBody, Listing, operation
from app.http.paging import Page, whole_list
from app.http.parameters import PathText
from app.revisions import mapping_routes
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import RouteOrder
from app.revisions.views import MappingView
from app.vendors.models import Connections

TAG: Final = "Operators"
NAME: Final = PathText("mapping", "A mapping's name: the vendor and the object.", "hubspot.customer")
ROUTE: Final = JsonBody(
    into=RouteOrder, example={"connection": "hubspot", "shadow": {"revision": 2, "sample_rate": 0.1}}
)


@operation(
    "GET",
    "/ops/mappings",
    tag=TAG,
    scopes=("ops:read",),
    answer=Listing(item=MappingView, meaning="Every mapping.", name="MappingList"),
)
async def list_mappings(call: Call) -> Page:
    """List mappings with their revisions and routes.

    Sorted by name, with every connection that uses them: the active revision, and the differences that a shadow found.
    """
    deps, connections = call.deps(RevisionDeps), call.deps(Connections).by_name
    return whole_list(await mapping_routes.list_mappings(deps.mapping_routes, deps.trial_book, connections))


@operation("POST", "/ops/mappings/{mapping}/route", tag=TAG, scopes=("ops:write",), parameters=(NAME,), body=ROUTE)
async def route_mapping(call: Call) -> MappingView:
    """Set the active revision or the shadow.

    Every process applies it within about a second, without a restart. An absent member stays; null removes it.
    Operations keep the revision that they began with. Audited.
    """
    deps, name, connections = call.deps(RevisionDeps), call.path("mapping"), call.deps(Connections).by_name
    order, actor = call.body(ROUTE), call.caller.principal
    await mapping_routes.set_route(deps.mapping_routes, connections, name, order, actor=actor)
    return await mapping_routes.read_mapping(deps.mapping_routes, deps.trial_book, connections, name)
