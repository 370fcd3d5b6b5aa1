"""The HTTP application and its server: one process, drained on SIGTERM, scaled by processes."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import telemetry
from app.routes import operations, resources, self_service
from app.routes.answers import problem_response
from app.routes.edge import Edge
from app.routes.health import live, metrics, ready
from app.routes.openapi import SCHEMA_HANDLERS
from app.routes.services import Services
from app.settings import Settings
from app.wiring import open_plant

DRAIN_SECONDS = 10.0


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
        self_service.me,
        self_service.contracts,
        self_service.contract,
        self_service.explain_problem,
        live,
        ready,
        metrics,
        *SCHEMA_HANDLERS,
    ]


def application(services: Services, route_handlers: Sequence[HTTPRouteHandler]) -> ASGIApp:
    """The ASGI application: routes, problems for everything that goes wrong, and the edge around them."""
    app = Litestar(
        route_handlers=list(route_handlers),
        state=State({"services": services}),
        exception_handlers={Exception: problem_response},
        openapi_config=None,
        logging_config=None,
        # Routes count the body themselves while it comes in.
        request_max_body_size=None,
    )
    return Edge(app)


async def serve_application(
    services: Services, route_handlers: Sequence[HTTPRouteHandler], host: str, port: int
) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered."""
    server = Server(
        application(services, route_handlers),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        log_enabled=False,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
        return
    server.stop()  # type: ignore[no-untyped-call]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serving, DRAIN_SECONDS)
    await services.writers.drain(DRAIN_SECONDS)


def serve(settings: Settings) -> None:
    """Run the API until it is told to stop. Raises SettingsError for what cannot be served with."""
    telemetry.set_up(settings, "api")
    try:
        uvloop.run(_serve(settings))
    finally:
        telemetry.shut_down()


async def _serve(settings: Settings) -> None:
    async with open_plant(settings) as plant:
        await serve_application(plant.services, handlers(), settings.host, settings.port)
