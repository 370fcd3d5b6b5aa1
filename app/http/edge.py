"""The outermost layer. It adds correlation id and trace to every answer to a request that parses as HTTP, answers HEAD
like GET without the body, and sends long answers in pieces."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Send
from msgspec import Struct

from app import telemetry
from app.dependencies import Dependencies
from app.errors import Internal, InvalidHost, MalformedBody, RateLimited
from app.http.bodies import Incoming, Transfers
from app.identifiers import CORRELATION, new_run_id
from app.problem_document import PROBLEM_JSON, Problem, document_of

T = TypeVar("T")

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]*)?")
PIECE: Final = 64 * 1024
"""Bytes of an answer handed to the server at once. It keeps a copy of them until they are sent."""
_KEY: Final = "lockstitch"
ASKED: Final = "-"
"""The method in place of OPTIONS. No route has it, so the refusal names all methods of the route."""
STOPPED: Final = "This process stops before the answer is complete. Send the request again."
_WEBHOOKS: Final = "/v1/webhooks/"
# Vendors and probes do not name runs: their header is ignored, not judged.
_UNJUDGED: Final = (_WEBHOOKS, "/health/")


class Correlation(Struct, frozen=True, kw_only=True):
    """The run of a request. If the caller's id is not `acceptable`, `value` is a new one."""

    value: str
    acceptable: bool


class _Edge(Struct, kw_only=True):
    path: str
    correlation: Correlation
    sent: Mapping[str, list[str]]
    headers: list[tuple[str, str]]


def correlation_of(scope: Any) -> Correlation:
    """Return the correlation id of the request of this ASGI scope."""
    edge: _Edge = scope["state"][_KEY]
    return edge.correlation


def path_of(scope: Any) -> str:
    """Return the path as sent. The router drops a last slash and doubled slashes."""
    edge: _Edge = scope["state"][_KEY]
    return edge.path


def headers_of(scope: Any) -> Mapping[str, list[str]]:
    """Return the headers of the request: those of each name, in lower case, in their order."""
    edge: _Edge = scope["state"][_KEY]
    return edge.sent


def header_of(scope: Any, name: str) -> str | None:
    """Return the first header of this name."""
    values = headers_of(scope).get(name)
    return None if values is None else values[0]


def answer_headers(scope: Any) -> list[tuple[str, str]]:
    """Return the list of headers to add to any answer to this request."""
    edge: _Edge = scope["state"][_KEY]
    return edge.headers


def deps_of(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """Return the dependencies of this type of the application that handles the request."""
    dependencies: Dependencies = request.app.state["dependencies"]
    return dependencies.by_type[kind]  # type: ignore[no-any-return]


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, public_url: str, answers: Transfers) -> None:
        self._app = app
        self._public_url = public_url
        self._answers = answers
        self._running: set[asyncio.Task[Any]] = set()
        self._answers_cancelled = False

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle one call. The server passes on HTTP only."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs each call in one
        if task in self._running:  # a call within a call, such as of an agent's tool
            await self._handle(scope, receive, send)
            return
        self._running.add(task)
        try:
            await self._handle(scope, receive, send)
        finally:
            self._running.discard(task)

    def cancel(self, *, answer: bool) -> None:
        """Cancel the calls that still run, because the process stops. Without `answer`, their callers have left."""
        self._answers_cancelled = answer
        for task in self._running:
            task.cancel()

    async def _handle(self, scope: Any, receive: Receive, send: Send) -> None:
        sent: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            sent.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        path: str = scope["path"]
        correlation = _read_correlation(path, sent)
        edge = _Edge(path=path, correlation=correlation, sent=sent, headers=[])
        incoming = Incoming(receive, sent)
        method = scope["method"]
        head = method == "HEAD"
        inner: Any = {**scope, "state": {**scope.get("state", {}), _KEY: edge}}
        webhook = path.startswith(_WEBHOOKS)
        if head and not webhook:  # there a vendor checks the endpoint with HEAD
            inner["method"] = "GET"
        elif method == "OPTIONS":
            # The framework's answer to OPTIONS names the methods of one handler only.
            inner["method"] = ASKED
        # The caller of a webhook is not verified yet, and a vendor's traces are separate.
        traceparent, tracestate = (
            (None, None) if webhook else (_single(sent, "traceparent"), _single(sent, "tracestate"))
        )
        with (
            telemetry.bind(correlation.value, traceparent, tracestate),
            telemetry.server_span(
                str(method),
                scheme=str(scope.get("scheme", "http")),
                quiet=path.startswith("/health/") or path == "/metrics",  # probes and scrapes, every few seconds
            ) as call,
        ):
            added = [(b"x-correlation-id", correlation.value.encode())]
            if (trace := telemetry.current_traceparent()) is not None:
                added.append((b"traceresponse", trace.encode()))

            async def send_dressed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    call.status = message["status"]
                    if not (incoming.ended or await incoming.discard()):
                        edge.headers.append(("Connection", "close"))
                    extra = [(name.lower().encode(), value.encode("latin-1")) for name, value in edge.headers]
                    message["headers"] = [*message["headers"], *added, *extra]
                elif message["type"] == "http.response.body":
                    if head:
                        message["body"] = b""
                    elif len(message["body"]) > PIECE:
                        await self._send_in_pieces(message["body"], send)
                        return
                await send(message)

            if (wrong := _wrong_host(scope["http_version"], sent)) is not None:
                await self._refuse(InvalidHost(wrong), edge, send_dressed)
                return
            try:
                await self._app(inner, incoming.receive, send_dressed)
            except asyncio.CancelledError:
                if not self._answers_cancelled or call.status is not None:
                    raise
                await self._refuse(Internal(STOPPED), edge, send_dressed)

    async def _send_in_pieces(self, body: bytes, send: Send) -> None:
        """Send a body. If the caller does not read it, stop, and the server closes the connection."""
        with contextlib.suppress(MalformedBody, RateLimited):
            async with self._answers.begin() as transfer:
                transfer.moved(len(body))
                for start in range(0, len(body), PIECE):
                    more = start + PIECE < len(body)
                    await send({"type": "http.response.body", "body": body[start : start + PIECE], "more_body": more})
                    transfer.moved()

    async def _refuse(self, problem: Problem, edge: _Edge, send: Send) -> None:
        document = document_of(
            problem,
            public_url=self._public_url,
            instance=edge.path[:2000],
            correlation_id=edge.correlation.value,
        )
        body = msgspec.json.encode(document)
        headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": document.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _wrong_host(version: str, sent: Mapping[str, list[str]]) -> str | None:
    """Return what is wrong with the Host header. The server adds an empty one if it is absent."""
    hosts = sent.get("host", [])
    if len(hosts) > 1:
        return f"{len(hosts)} Host headers were sent; send one."
    if version == "1.1" and not (hosts and _HOST.fullmatch(hosts[0])):
        return "The Host header is missing, empty, or no host."
    return None


def _read_correlation(path: str, sent: Mapping[str, list[str]]) -> Correlation:
    values = sent.get("x-correlation-id")
    if not values or path.startswith(_UNJUDGED):
        return Correlation(value=new_run_id(), acceptable=True)
    value = values[0].strip(" \t")
    if len(values) == 1 and CORRELATION.fullmatch(value):
        return Correlation(value=value, acceptable=True)
    return Correlation(value=new_run_id(), acceptable=False)


def _single(sent: Mapping[str, list[str]], name: str) -> str | None:
    values = sent.get(name)
    # Only one traceparent is valid (W3C Trace Context, 3.2); several tracestate lines form one list.
    if not values or (name == "traceparent" and len(values) > 1):
        return None
    return ",".join(values)
