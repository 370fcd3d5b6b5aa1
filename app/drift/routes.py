"""HTTP operations of drift findings."""

from typing import Final, get_args

from app.drift import findings
from app.drift.deps import DriftDeps
from app.drift.models import DriftFilter, DriftFinding
from app.http.operation import Call, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, PathText, boolean, choice, cursor, text
from app.settings.drift import DriftKind
from app.vendors.models import Connections

TAG: Final = "Operators"
ID: Final = PathText("id", "The finding's id.", "drf_0198f0a2b7c47d3c9a51f2e80b6c4d17")
FILTERS: Final = (
    text("connection", "Only this connection.", "hubspot"),
    choice("kind", "Only this kind.", get_args(DriftKind), example="unknown_field"),
    boolean("acknowledged", "Only acknowledged findings, or only others; all if absent."),
)
CURSOR: Final = cursor("drf_.*")


@operation(
    "GET",
    "/ops/drift",
    tag=TAG,
    scopes=("ops:read",),
    query=(*FILTERS, LIMIT, CURSOR),
    answer=Listing(item=DriftFinding, meaning="A page of drift findings."),
)
async def list_drift(call: Call) -> Page:
    """List drift findings, newest first.

    One finding for each change observed in a vendor's records or webhooks, regardless of how often it occurs.
    """
    which = call.filter(DriftFilter, FILTERS)
    page = await findings.list_drift(call.deps(DriftDeps), which, after=call.query(CURSOR), limit=call.query(LIMIT))
    if not page.data:
        call.deps(Connections).refuse_unknown(which.connection)
    return page


@operation("GET", "/ops/drift/{id}", tag=TAG, scopes=("ops:read",), parameters=(ID,))
async def read_drift(call: Call) -> DriftFinding:
    """Read a drift finding."""
    return await findings.read_drift(call.deps(DriftDeps), call.path("id"))


@operation(
    "POST",
    "/ops/drift/{id}/acknowledge",
    tag=TAG,
    scopes=("ops:write",),
    parameters=(ID,),
    problems=("state-conflict",),
)
async def acknowledge_drift(call: Call) -> DriftFinding:
    """Acknowledge a drift finding.

    Ends its alarm. A connection that rejects the change accepts such records again; redrive the dead letters that it
    caused. Audited.
    """
    deps, actor = call.deps(DriftDeps), call.caller.principal
    return await findings.acknowledge_drift(deps, call.path("id"), actor=actor)
