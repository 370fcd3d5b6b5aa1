"""The HTTP servers of this process: Granian around the ASGI application, drained on SIGTERM."""

import asyncio
import gc
import logging
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.template import TemplateConfig

from app import telemetry
from app.dependencies import Dependencies
from app.http.admission import template_of
from app.http.deps import HttpDeps
from app.http.edge import Edge
from app.http.responses import AnyRequest, problem_response, refuse_other_path
from app.settings.environment import Settings
from app.settings.reading import SettingsError

DRAIN_SECONDS: Final = 10.0
CANCEL_SECONDS: Final = 1.0
PROBE_CONNECTIONS: Final = 64
FEWEST_CONNECTIONS: Final = 16
OTHER_FILES: Final = 512
"""Open files of a process besides callers' connections: the database, vendors, probes."""
WAITING_CONNECTIONS: Final = 1024
"""Connections that the kernel queues until they are accepted."""
HEADER_BYTES: Final = 64 * 1024
"""Maximum size of all headers of a request, and of one read of a body."""
YOUNG_OBJECTS: Final = 5_000
"""How many more objects than before start a garbage collection. Python's 700 start one every few requests."""
AnswerProblem = Callable[[AnyRequest, Exception], Response[Any]]
_log = logging.getLogger("lockstitch.server")


def application(
    dependencies: Dependencies,
    route_handlers: Sequence[BaseRouteHandler],
    templates: TemplateConfig[Any] | None = None,
    answer_problem: AnswerProblem = problem_response,
) -> Edge:
    """Return the ASGI application: routes, an answer to every exception, and the edge around them."""
    telemetry.expect_server_errors(template_of(path) for handler in route_handlers for path in handler.paths)
    app = Litestar(
        route_handlers=list(route_handlers),
        state=State({"dependencies": dependencies}),
        exception_handlers={Exception: answer_problem},
        before_request=refuse_other_path,
        template_config=templates,
        openapi_config=None,
        logging_config=None,
        # Handlers count the body while it arrives.
        request_max_body_size=None,
    )
    http = dependencies.of(HttpDeps)
    edge = Edge(app, public_url=http.public_url, answers=http.answers)
    app.state["edge"] = edge  # for operations that call others, as `/mcp` does
    return edge


async def serve_application(
    dependencies: Dependencies,
    route_handlers: Sequence[BaseRouteHandler],
    settings: Settings,
    port: int,
    *,
    probes: Sequence[BaseRouteHandler] = (),
    templates: TemplateConfig[Any] | None = None,
    answer_problem: AnswerProblem = problem_response,
    drain: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Answer the requests that have begun, and cancel those that last longer than
    `DRAIN_SECONDS` and `drain`. `probes` are also served on `probe_port`, where callers cannot take all connections.
    `templates` are those of the pages among the routes, `answer_problem` their answer to an exception. Raises
    SettingsError for a port that cannot be used.

    Garbage collection no longer looks at what was made before: modules and routes stay until the process ends."""
    served = application(dependencies, route_handlers, templates, answer_problem)
    servers = [_server(served, settings, port, _room(settings.max_connections))]
    if probes and settings.probe_port:
        app = application(dependencies, probes)
        servers.append(_server(app, settings, settings.probe_port, PROBE_CONNECTIONS))
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    serving = [asyncio.create_task(_listen(server)) for server in servers]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({*serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for server, task in zip(servers, serving, strict=True):
        if task.done():
            task.result()
        else:
            server.stop()  # type: ignore[no-untyped-call]
    _, waited_for = await asyncio.wait(serving, timeout=DRAIN_SECONDS)
    if drain is not None:
        await drain()
    served.cancel(answer=bool(waited_for))
    await asyncio.wait(serving, timeout=CANCEL_SECONDS)


async def _listen(server: Server) -> None:
    try:
        _refuse_taken_port(server.bind_addr, server.bind_port)
    except OSError as error:
        raise _unusable(server, error.strerror or str(error)) from error
    try:
        await server.serve()
    except RuntimeError as error:  # from Granian, with a stack trace in its text
        raise _unusable(server, str(error).partition(" (")[0]) from error


def _unusable(server: Server, reason: str) -> SettingsError:
    return SettingsError(f"Port {server.bind_port} cannot be used: {reason}. Name another one.")


def _refuse_taken_port(host: str, port: int) -> None:
    """Raise OSError for a port of another Lockstitch, perhaps of another environment. Granian would share it
    (SO_REUSEPORT), and each would get some of the requests."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _server(app: Edge, settings: Settings, port: int, connections: int) -> Server:
    return Server(
        app,
        address=settings.host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto if settings.http2 else HTTPModes.http1,
        websockets=False,  # a request to upgrade is answered as a plain request
        backlog=WAITING_CONNECTIONS,
        backpressure=connections,  # in Granian a limit of connections, not of requests
        http1_settings=HTTP1Settings(
            # Also for idle connections, from the end of the last answer.
            header_read_timeout=settings.header_timeout_seconds * 1000,
            max_buffer_size=HEADER_BYTES,
        ),
        log_enabled=False,
    )


def _room(connections: int) -> int:
    """Return how many connections this process can accept, after raising its limit of open files if permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    room = max(FEWEST_CONNECTIONS, min(connections, limit - OTHER_FILES))
    if room < connections:
        _log.warning("%d open files are allowed, so %d connections are accepted and not %d", hard, room, connections)
    return room
