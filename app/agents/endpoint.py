"""`/mcp`: the Model Context Protocol, stateless, over streamable HTTP.

The official SDK speaks the protocol, in its current and its earlier versions. It comes with the extra `agents`.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from app.agents import has_agents
from app.agents.tools import OperationTool, tools_of
from app.errors import Forbidden, InvalidHost, MethodNotAllowed, NotFound
from app.http.admission import AnyRequest, admit, read_body
from app.http.deps import HttpDeps
from app.http.edge import deps_of, header_of
from app.problem_document import JSON
from app.telemetry import name_route

PATH: Final = "/mcp"
PROTOCOL: Final = "app.agents.protocol"
"""Imported with the first message: the SDK may be absent, and takes as long to import as the whole API."""
EVENT_STREAM: Final = "text/event-stream"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
MISSING_EXTRA: Final = "This Lockstitch has no endpoint for agents: the extra `agents` is not installed."


def agents_endpoint(served: Sequence[HTTPRouteHandler]) -> ASGIRouteHandler:
    """Declare `/mcp` over these operations."""

    @cache
    def tools() -> dict[str, OperationTool]:
        return tools_of(served)

    @asgi(PATH, copy_scope=True)
    async def answer_agent(scope: Scope, receive: Receive, send: Send) -> None:
        request: AnyRequest = Request(scope, receive, send)
        name_route(PATH)
        if not has_agents():
            raise NotFound(MISSING_EXTRA, next_step="Install it: pip install 'lockstitch[agents]', and restart.")
        _refuse_other_sites(request)
        if request.method != "POST":  # no session, so there is no stream to open and none to end
            raise MethodNotAllowed(f"{PATH} takes POST.", headers=(("Allow", "POST"),))
        admitted = await admit(request, (), (JSON, EVENT_STREAM))
        body = await read_body(request, (JSON,))
        protocol, described = await asyncio.to_thread(lambda: (import_module(PROTOCOL), tools()))
        await protocol.speak(request, admitted, described, body, send)

    return answer_agent


def _refuse_other_sites(request: AnyRequest) -> None:
    """Refuse a host or an origin that is not the public URL, so that a page cannot reach a Lockstitch on its reader's
    machine by a name of its own (DNS rebinding)."""
    public = urlsplit(deps_of(request, HttpDeps).public_url)
    port = public.port or DEFAULT_PORTS[public.scheme]
    own = f"[{public.hostname}]" if ":" in str(public.hostname) else str(public.hostname)
    names = LOOPBACK if own in LOOPBACK else (own,)
    hosts = {f"{name}:{port}" for name in names}
    hosts |= set(names) if port == DEFAULT_PORTS[public.scheme] else set()
    host, origin = (header_of(request.scope, "host") or "").lower(), header_of(request.scope, "origin")
    if host not in hosts:
        raise InvalidHost(
            f"{PATH} answers at {public.netloc}.", next_step="Use this address, or set LOCKSTITCH_PUBLIC_URL."
        )
    if origin is not None and origin.lower() not in {f"{public.scheme}://{one}" for one in hosts}:
        raise Forbidden(f"{PATH} does not answer pages of other sites.", next_step="Call it from a server or a client.")
