"""HTTP operations of backfills."""

from typing import Final

from app.http.operation import Call, JsonBody, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, PathText, cursor
from app.http.responses import Answered, json_response
from app.walks.backfill import manage
from app.walks.backfill.models import BackfillRequest, BackfillView
from app.walks.deps import BackfillDeps

TAG: Final = "Backfills"
READ: Final = ("ops:read",)
WRITE: Final = ("ops:write",)
DECIDED: Final = ("state-conflict",)
ID: Final = PathText("id", "The backfill's id.", "bf_0198f0a2b7c47d3c9a51f2e80b6c4d17")
CURSOR: Final = cursor("bf_.*")
START: Final = JsonBody(into=BackfillRequest, example={"connection": "hubspot", "object": "customer", "rate": 50})


@operation(
    "POST",
    "/v1/backfills",
    tag=TAG,
    scopes=WRITE,
    body=START,
    status=202,
    answer=BackfillView,
    problems=DECIDED,
    sends=("Location",),
)
async def start_backfill(call: Call) -> Answered:
    """Start a backfill.

    Reads all records of an object at a connection, and gives them ids, links, match keys and last-seen states. A worker
    runs it page by page, also after a restart. Without `deliver` it makes no Events. With it, each record has one Event
    `created` with the `origin` `backfill`, which only the named subscriptions and consumers get. One at a time for each
    object of a connection. Audited.
    """
    started = await manage.start_backfill(
        call.deps(BackfillDeps), call.body(START), actor=call.caller.principal, correlation_id=call.correlation_id
    )
    return json_response(started, status=202, headers={"location": f"/v1/backfills/{started.id}"})


@operation(
    "GET",
    "/v1/backfills",
    tag=TAG,
    scopes=READ,
    query=(LIMIT, CURSOR),
    answer=Listing(item=BackfillView, meaning="A page of backfills."),
)
async def list_backfills(call: Call) -> Page:
    """List backfills, newest first."""
    return await manage.list_backfills(call.deps(BackfillDeps), after=call.query(CURSOR), limit=call.query(LIMIT))


@operation("GET", "/v1/backfills/{id}", tag=TAG, scopes=READ, parameters=(ID,))
async def read_backfill(call: Call) -> BackfillView:
    """Read the progress of a backfill."""
    return await manage.read_backfill(call.deps(BackfillDeps), call.path("id"))


@operation("POST", "/v1/backfills/{id}/pause", tag=TAG, scopes=WRITE, parameters=(ID,), problems=DECIDED)
async def pause_backfill(call: Call) -> BackfillView:
    """Pause a backfill.

    The page in progress ends. The position is kept. Audited.
    """
    return await manage.pause_backfill(call.deps(BackfillDeps), call.path("id"), actor=call.caller.principal)


@operation("POST", "/v1/backfills/{id}/resume", tag=TAG, scopes=WRITE, parameters=(ID,), problems=DECIDED)
async def resume_backfill(call: Call) -> BackfillView:
    """Resume a paused backfill.

    It continues after its last page. Audited.
    """
    return await manage.resume_backfill(call.deps(BackfillDeps), call.path("id"), actor=call.caller.principal)


@operation("POST", "/v1/backfills/{id}/cancel", tag=TAG, scopes=WRITE, parameters=(ID,), problems=DECIDED)
async def cancel_backfill(call: Call) -> BackfillView:
    """Cancel a backfill.

    The page in progress ends. What was stored stays. Audited.
    """
    return await manage.cancel_backfill(call.deps(BackfillDeps), call.path("id"), actor=call.caller.principal)
