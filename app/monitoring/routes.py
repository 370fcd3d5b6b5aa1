"""HTTP operations of probes, metrics and runs."""

import asyncio
from typing import Final, Literal
from urllib.parse import unquote

from litestar import Response
from msgspec import Struct

from app.errors import StoreUnavailable
from app.http.admission import AnyRequest
from app.http.deps import HttpDeps
from app.http.edge import deps_of, path_of
from app.http.operation import Call, JsonBody, operation, public_operation
from app.http.parameters import LIMIT, PathText, cursor
from app.http.plurals import WRITE_SCOPES
from app.http.responses import Answered, link_next
from app.monitoring import runs
from app.monitoring.deps import MonitoringDeps
from app.monitoring.runs import NewNote, RunNote, RunReport
from app.telemetry import render_metrics

PLAIN: Final = "text/plain"
METRICS_TEXT: Final = f"{PLAIN}; version=0.0.4"  # Litestar adds the charset
HEALTH: Final = "Health"
READY_SECONDS: Final = 2.0
RUNS: Final = "/ops/runs/"
CURSOR: Final = cursor(longest=2000)
NOTE: Final = JsonBody(
    into=NewNote, example={"text": "Routed to billing: the sum is above 500.", "data": {"queue": "billing"}}
)


class Liveness(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"
    """Always `ok`."""


class Readiness(Struct, frozen=True, kw_only=True):
    """The database answers and is migrated."""

    status: Literal["ok"] = "ok"
    """Always `ok`. If not ready, the answer is a problem."""
    worker_seen_seconds_ago: float | None
    """Age of the worker's last heartbeat; null if there was none. Example: `1.5`"""


@public_operation("GET", "/health/live", tag=HEALTH)
async def live(request: AnyRequest) -> Liveness:
    """Check that the process answers."""
    return Liveness()


@public_operation("GET", "/health/ready", tag=HEALTH, problems=("store-unavailable",))
async def ready(request: AnyRequest) -> Readiness:
    """Check that the database answers and is migrated.

    Otherwise 503 with the reasons. The answer reports the age of the worker's heartbeat, but does not require one.
    """
    try:
        async with asyncio.timeout(READY_SECONDS):
            reasons, last_beat = await deps_of(request, MonitoringDeps).readiness()
    except TimeoutError as error:
        raise StoreUnavailable(f"Not ready: the database did not answer within {READY_SECONDS:.0f} s.") from error
    if reasons:
        raise StoreUnavailable(f"Not ready: {'; '.join(reasons)}.")
    return Readiness(worker_seen_seconds_ago=last_beat)


@operation(
    "GET", "/metrics", tag=HEALTH, scopes=("ops:read",), query=None, media_type=PLAIN, answer=str, while_away=True
)
async def metrics(call: Call) -> Answered:
    """Get metrics for Prometheus.

    Metrics that are read from the database are absent while it does not answer.
    """
    await call.deps(MonitoringDeps).collect()
    return Response(render_metrics(), media_type=METRICS_TEXT)


@operation(
    "GET",
    f"{RUNS}{{correlation_id:path}}",
    tag="Operators",
    scopes=("ops:read",),
    parameters=(PathText("correlation_id", "The run: the X-Correlation-ID of its calls.", "orders-4711"),),
    query=(LIMIT, CURSOR),
    sends=("Link",),
)
async def read_run(call: Call) -> RunReport:
    """Show what happened in a run, oldest first.

    Everything with this correlation id: calls, receipts, operations, requests to vendors with the vendors' request ids,
    attempts, events, deliveries, dead letters, redrives, audit events.
    """
    http, monitoring = call.deps(HttpDeps), call.deps(MonitoringDeps)
    report = await runs.read_run(
        monitoring.runs,
        path_of(call.request.scope).removeprefix(RUNS),  # the whole rest, as a correlation id may hold slashes
        trace_url=http.trace_url,
        cursors=http.cursors,
        cursor=call.query(CURSOR),
        limit=call.query(LIMIT),
        responsible=monitoring.responsible,
    )
    link_next(call.request, report.next_cursor)
    return report


@operation(
    "POST",
    "/v1/runs/{correlation_id}/notes",
    tag="Events",
    scopes=WRITE_SCOPES,
    parameters=(PathText("correlation_id", "The run. A slash in its id is sent as `%252F`.", "orders-4711"),),
    body=NOTE,
    status=201,
)
async def add_note(call: Call) -> RunNote:
    """Add a note to a run.

    For decisions of a workflow that no call shows, such as where a ticket was routed, and why. Operators find it among
    the steps of the run. E-mail addresses and telephone numbers are replaced; write no names.
    """
    correlation_id = unquote(call.path("correlation_id"))
    return await runs.add_note(call.deps(MonitoringDeps).runs, correlation_id, call.body(NOTE), by=call.caller.name)


PROBES: Final = (live, ready, metrics)
"""Served by every process."""
