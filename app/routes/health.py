"""For probes and scrapers: alive, ready, and the figures."""

from litestar import Response, route
from msgspec import Struct

from app.errors import StoreUnavailable
from app.routes.admission import AnyRequest, admit
from app.routes.answers import json_response
from app.routes.resources import Answered
from app.routes.services import services_of
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
    reasons, seen = await services_of(request).readiness()
    if reasons:
        raise StoreUnavailable(f"Not ready: {'; '.join(reasons)}.")
    return json_response(Readiness(status="ok", worker_seen_seconds_ago=seen))


@route("/metrics", http_method=["GET"], name="metrics")
async def metrics(request: AnyRequest) -> Answered:
    """Prometheus text; gauges of the operations are read from the database now."""
    await admit(request, "ops:read", offered="text/plain")
    await services_of(request).collect()
    return Response(render_metrics(), media_type=METRICS_TEXT)
