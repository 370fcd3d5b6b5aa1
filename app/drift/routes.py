"""HTTP routes for drift findings."""

from typing import Final, get_args

import msgspec
from litestar import route

from app.drift.deps import DriftDeps
from app.drift.findings import acknowledge_drift, list_drift, read_drift
from app.drift.models import DriftFilter
from app.http.admission import AnyRequest, admit, read_body
from app.http.deps import deps_of
from app.http.query import BOOLEANS, Query
from app.http.responses import Answered, json_response, page_response
from app.settings.drift import DriftKind

FILTERS: Final = ("connection", "kind", "acknowledged")


@route("/ops/drift", http_method=["GET"], name="list drift findings")
async def list_all(request: AnyRequest) -> Answered:
    """List findings, newest first."""
    await admit(request, "ops:read")
    query = Query(request, (*FILTERS, "limit", "cursor"))
    acknowledged = query.choice("acknowledged", tuple(BOOLEANS))
    which = {
        "connection": query.text("connection"),
        "kind": query.choice("kind", get_args(DriftKind)),
        "acknowledged": None if acknowledged is None else BOOLEANS[acknowledged],
    }
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("drf_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    page = await list_drift(deps_of(request, DriftDeps), msgspec.convert(which, DriftFilter), after=after, limit=limit)
    return page_response(request, page)


@route("/ops/drift/{id:str}", http_method=["GET"], name="read drift finding")
async def read_one(request: AnyRequest) -> Answered:
    """Return one finding."""
    await admit(request, "ops:read")
    Query(request, ()).check()
    return json_response(await read_drift(deps_of(request, DriftDeps), request.path_params["id"]))


@route("/ops/drift/{id:str}/acknowledge", http_method=["POST"], name="acknowledge drift finding", status_code=200)
async def acknowledge(request: AnyRequest) -> Answered:
    """Acknowledge a finding."""
    admitted = await admit(request, "ops:write")
    await read_body(request, ())
    Query(request, ()).check()
    finding = await acknowledge_drift(
        deps_of(request, DriftDeps), request.path_params["id"], actor=admitted.caller.principal
    )
    return json_response(finding)


HANDLERS: Final = (list_all, read_one, acknowledge)
