"""Read and list customers, orders, tickets and comments; field options; data contracts."""

from collections.abc import Sequence
from typing import Final

from litestar import route
from litestar.handlers import HTTPRouteHandler

from app.errors import NotFound
from app.http.admission import Admitted, AnyRequest, admit, admit_any
from app.http.deps import HttpDeps, deps_of
from app.http.headers import named_revision, preferences
from app.http.paging import whole_list
from app.http.plurals import PLURAL
from app.http.query import Query
from app.http.responses import Answered, json_response, page_response, resource_response
from app.records.contracts import describe_contract, list_contracts
from app.records.deps import RecordDeps
from app.records.options import OLDEST, read_options
from app.records.read import ListRequest, read_one, read_page
from canonical.parts import ObjectName

FILTERS: Final[dict[ObjectName, tuple[str, ...]]] = {
    "customer": ("email", "external_id"),
    "order": ("email", "number", "external_id", "status"),
    "ticket": ("number", "external_id", "status"),
    "comment": (),
}
LIST_PARAMETERS: Final = ("connection", "limit", "cursor", "updated_since")
OBJECTS = tuple(name for name in PLURAL if name != "comment")
ANY_AGE = -1


def read_handlers(object_name: ObjectName) -> Sequence[HTTPRouteHandler]:
    """List and read of one object."""
    base = f"/v1/{PLURAL[object_name]}"
    scope = f"{PLURAL[object_name]}:read"

    @route(base, http_method=["GET"], name=f"list {object_name}")
    async def list_resources(request: AnyRequest) -> Answered:
        admitted = await admit(request, scope)
        return await _list(request, admitted, object_name, None)

    @route(f"{base}/{{id:str}}", http_method=["GET"], name=f"read {object_name}")
    async def read_resource(request: AnyRequest) -> Answered:
        admitted = await admit(request, scope)
        revision = named_revision(request, admitted)
        wait = preferences(request, later=False).wait
        query = Query(request, ("connection", "include"))
        connection = query.text("connection")
        include = query.choice("include", ("raw",))
        query.check()
        found = await read_one(
            deps_of(request, RecordDeps),
            object_name,
            request.path_params["id"],
            connection=connection,
            include_raw=include == "raw",
            revision=revision,
            wait=wait,
        )
        return resource_response(request, found.resource, found.etag)

    return [list_resources, read_resource]


@route("/v1/tickets/{id:str}/comments", http_method=["GET"], name="list comments")
async def list_comments(request: AnyRequest) -> Answered:
    """The comments of a ticket, oldest first where the vendor lists them so."""
    admitted = await admit(request, "tickets:read")
    return await _list(request, admitted, "comment", request.path_params["id"])


@route("/v1/options/{connection:str}/{object:str}/{field:str}", http_method=["GET"], name="read options")
async def list_field_options(request: AnyRequest) -> Answered:
    """The options of one field, with their age."""
    asked = request.path_params
    object_name = next((name for name in OBJECTS if name == asked["object"]), None)
    if object_name is None:
        await admit(request, None)
        raise NotFound(f"There is no object {asked['object'][:80]!r}; there are: {', '.join(OBJECTS)}.")
    plural = PLURAL[object_name]
    await admit_any(request, (f"{plural}:read", f"{plural}:write"))
    wait = preferences(request, later=False).wait
    query = Query(request, ("max_age",))
    max_age = query.whole("max_age", 0, OLDEST, ANY_AGE)
    query.check()
    view = await read_options(
        deps_of(request, RecordDeps),
        asked["connection"],
        object_name,
        asked["field"],
        max_age=None if max_age == ANY_AGE else float(max_age),
        wait=wait,
    )
    return json_response(view)


@route("/v1/contracts", http_method=["GET"], name="list contracts")
async def contracts(request: AnyRequest) -> Answered:
    """The data contracts, in short."""
    await admit(request, None)
    Query(request, ()).check()
    return json_response(whole_list(list_contracts()))


@route("/v1/contracts/{object:str}", http_method=["GET"], name="read contract")
async def contract(request: AnyRequest) -> Answered:
    """One data contract, its JSON Schema, and what each connection reads and writes."""
    await admit(request, None)
    Query(request, ()).check()
    return json_response(describe_contract(deps_of(request, RecordDeps), request.path_params["object"]))


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
        wait=preferences(request, later=False).wait,
    )
    query.check()
    page = await read_page(deps_of(request, RecordDeps), deps_of(request, HttpDeps).cursors, wanted)
    return page_response(request, page)


HANDLERS: Final = (
    *read_handlers("customer"),
    *read_handlers("order"),
    *read_handlers("ticket"),
    list_comments,
    list_field_options,
    contracts,
    contract,
)
