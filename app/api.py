"""The API: every operation, served by one process. Scale by adding processes."""

from functools import partial

import uvloop
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from app import telemetry
from app.agents.endpoint import agents_endpoint
from app.api_keys import routes as api_keys
from app.audit import routes as audit
from app.audit.refused_requests import RefusedRequests
from app.claims import routes as claims
from app.console import routes as console
from app.console.problems import answer_problem
from app.console.templates import TEMPLATES
from app.copies import routes as copies
from app.dead_letters import routes as dead_letters
from app.drift import routes as drift
from app.events import routes as events
from app.http import problem_pages
from app.http.operation import handlers_of
from app.links import routes as links
from app.monitoring import routes as monitoring
from app.openapi.routes import schema_handlers
from app.ownership import routes as ownership
from app.persons import routes as persons
from app.queue import routes as queue
from app.records import lookup_routes as lookups
from app.records import routes as records
from app.revisions import routes as revisions
from app.server import DRAIN_SECONDS, serve_application
from app.settings.environment import Settings
from app.stock import routes as stock
from app.uploads import routes as uploads
from app.vendors import routes as vendors
from app.walks.backfill import routes as backfills
from app.walks.pull import routes as pulls
from app.walks.reconcile import routes as reconcile
from app.webhooks import routes as webhooks
from app.wiring.runtime import open_runtime
from app.writes import operation_routes as operations
from app.writes import routes as writes
from app.writes.idempotency import Writers


def handlers() -> list[HTTPRouteHandler]:
    """Return every operation of the API."""
    served = handlers_of(
        *(lookups, records, writes, operations, copies, webhooks, uploads),
        *(backfills, events, vendors, queue, dead_letters, revisions, drift, links, claims),
        *(stock, ownership, pulls, reconcile, audit, monitoring, persons, api_keys, problem_pages),
    )
    return [*served, *schema_handlers(served)]


def routes() -> list[BaseRouteHandler]:
    """Return every operation, the endpoint through which agents call some of them, and the console."""
    served = handlers()
    return [*served, agents_endpoint(served), *console.HANDLERS]


def serve(settings: Settings) -> None:
    """Run the API until SIGTERM. Raises SettingsError for settings that it cannot use."""
    telemetry.set_up(settings, "api")
    try:
        uvloop.run(_serve(settings))
    finally:
        telemetry.shut_down()


async def _serve(settings: Settings) -> None:
    async with open_runtime(settings) as runtime, runtime.dependencies.of(RefusedRequests).writing():
        await serve_application(
            *(runtime.dependencies, routes(), settings, settings.port),
            probes=monitoring.PROBES,
            templates=TEMPLATES,
            answer_problem=answer_problem,
            drain=partial(runtime.dependencies.of(Writers).drain, DRAIN_SECONDS),
        )
