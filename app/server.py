"""One HTTP server in this process: Granian around the ASGI application, drained on SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from typing import Final

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app import telemetry
from app.dependencies import Dependencies
from app.http.admission import template_of
from app.http.edge import Edge
from app.http.responses import problem_response, refuse_other_path

DRAIN_SECONDS: Final = 10.0


def application(dependencies: Dependencies, route_handlers: Sequence[HTTPRouteHandler]) -> ASGIApp:
    """The ASGI application: routes, problems for everything that goes wrong, and the edge around them."""
    telemetry.expect_server_errors(template_of(path) for handler in route_handlers for path in handler.paths)
    app = Litestar(
        route_handlers=list(route_handlers),
        state=State({"dependencies": dependencies}),
        exception_handlers={Exception: problem_response},
        before_request=refuse_other_path,
        openapi_config=None,
        logging_config=None,
        # Routes count the body themselves while it comes in.
        request_max_body_size=None,
    )
    return Edge(app)


async def serve_application(
    dependencies: Dependencies, route_handlers: Sequence[HTTPRouteHandler], host: str, port: int
) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered."""
    server = Server(
        application(dependencies, route_handlers),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,  # a request to upgrade is answered as the plain request that it is
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
