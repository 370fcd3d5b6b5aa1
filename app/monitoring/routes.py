"""Probes, metrics, and the story of a run."""

from typing import Final

from litestar import Response, route
from msgspec import Struct

from app.errors import StoreUnavailable
from app.http.admission import AnyRequest, admit
from app.http.deps import HttpDeps, deps_of
from app.http.edge import path_of
from app.http.query import Query
from app.http.responses import Answered, json_response, link_next
from app.monitoring.deps import MonitoringDeps
from app.monitoring.runs import read_run
from app.telemetry import name_route, render_metrics

METRICS_TEXT = "text/plain; version=0.0.4"  # Litestar adds the charset


class Readiness(Struct, frozen=True, kw_only=True):
    """The age of the worker's last sign of life is reported, not required; null when there was none."""

    status: str
    worker_seen_seconds_ago: float | None


@route("/health/live", http_method=["GET"], name="live")
async def live(request: AnyRequest) -> Answered:
    """The process answers."""
    name_route("/health/live")
    return json_response({"status": "ok"})


@route("/health/ready", http_method=["GET"], name="ready")
async def ready(request: AnyRequest) -> Answered:
    """The database answers and has this version's migrations; 503 with the reasons otherwise."""
    name_route("/health/ready")
    reasons, seen = await deps_of(request, MonitoringDeps).readiness()
    if reasons:
        raise StoreUnavailable(f"Not ready: {'; '.join(reasons)}.")
    return json_response(Readiness(status="ok", worker_seen_seconds_ago=seen))


@route("/metrics", http_method=["GET"], name="metrics")
async def metrics(request: AnyRequest) -> Answered:
    """Prometheus text; what only the database knows is read now, and left out while it is away."""
    await admit(request, "ops:read", offered="text/plain", while_away=True)
    await deps_of(request, MonitoringDeps).collect()
    return Response(render_metrics(), media_type=METRICS_TEXT)


BASE: Final = "/ops/runs/"


@route("/ops/runs/{correlation_id:path}", http_method=["GET"], name="tell run")
async def tell(request: AnyRequest) -> Answered:
    """The story of a run, oldest first, with the vendors' request ids and the way into its trace."""
    await admit(request, "ops:read")
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    cursor = query.text("cursor", 2000)
    query.check()
    http = deps_of(request, HttpDeps)
    story = await read_run(
        deps_of(request, MonitoringDeps).runs,
        path_of(request.scope).removeprefix(BASE),  # the whole rest, as a correlation id may hold slashes
        trace_url=http.trace_url,
        cursors=http.cursors,
        cursor=cursor,
        limit=limit,
    )
    link_next(request, story.next_cursor)
    return json_response(story)


PROBES: Final = (live, ready, metrics)
"""Served by every process."""
HANDLERS: Final = (tell, *PROBES)
