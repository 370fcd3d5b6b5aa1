"""The API: every route, served by one process; scaled by processes."""

import uvloop
from litestar.handlers import HTTPRouteHandler

from app import telemetry
from app.routes import (
    audit,
    connections,
    dead_letters,
    drift,
    events,
    mappings,
    operations,
    options,
    queue,
    redrives,
    resources,
    runs,
    self_service,
    subscriptions,
    uploads,
    webhooks,
)
from app.routes.health import live, metrics, ready
from app.routes.openapi import SCHEMA_HANDLERS
from app.server import serve_application
from app.settings import Settings
from app.wiring import open_plant


def handlers() -> list[HTTPRouteHandler]:
    """Every route of the API."""
    return [
        *resources.resource_handlers("customer"),
        *resources.resource_handlers("order"),
        *resources.resource_handlers("ticket"),
        resources.archive_customer,
        resources.cancel_order,
        resources.list_comments,
        resources.add_comment,
        operations.list_all,
        operations.read_operation,
        operations.check,
        operations.resolve,
        webhooks.receive,
        uploads.upload,
        uploads.read,
        audit.list_events,
        audit.verify,
        runs.tell,
        connections.list_all,
        connections.pause,
        connections.resume,
        dead_letters.list_all,
        dead_letters.read_one,
        dead_letters.redrive,
        dead_letters.discard,
        redrives.start,
        redrives.list_all,
        redrives.read_one,
        redrives.cancel,
        queue.read,
        *drift.HANDLERS,
        *mappings.HANDLERS,
        *subscriptions.HANDLERS,
        events.list_events,
        events.read_feed,
        events.read_sample,
        options.read,
        self_service.me,
        self_service.contracts,
        self_service.contract,
        self_service.explain_problem,
        live,
        ready,
        metrics,
        *SCHEMA_HANDLERS,
    ]


def serve(settings: Settings) -> None:
    """Run the API until it is told to stop. Raises SettingsError for what cannot be served with."""
    telemetry.set_up(settings, "api")
    try:
        uvloop.run(_serve(settings))
    finally:
        telemetry.shut_down()


async def _serve(settings: Settings) -> None:
    async with open_plant(settings) as plant, plant.services.receiving.refused.told():
        await serve_application(plant.services, handlers(), settings.host, settings.port)
