"""The outermost layer: every answer to everything that parses as HTTP gets its correlation id and trace, HEAD is
answered like GET without a body, and long answers are sent in pieces."""

import contextlib
import re
from typing import Any, Final

import msgspec
from litestar.types import ASGIApp, Message, Receive, Send
from msgspec import Struct

from app import telemetry
from app.errors import InvalidHost, MalformedBody, RateLimited, document_of
from app.http.transfers import Transfers
from app.http.unread_body import Incoming
from app.identifiers import uuid7
from app.problem_document import PROBLEM_JSON

_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]*)?")
PIECE: Final = 64 * 1024
"""Bytes of an answer that are handed to the server at once: it keeps a copy of them until they are sent."""
_KEY: Final = "lockstitch"
ASKED: Final = "-"
"""The method in place of OPTIONS: `answers` tells which there are."""
_WEBHOOKS: Final = "/v1/webhooks/"
# Vendors and probes choose nothing about our runs: their header is ignored, not judged.
_UNJUDGED: Final = (_WEBHOOKS, "/health/")


class Correlation(Struct, frozen=True, kw_only=True):
    """The run that a request belongs to. When the caller's id was not `acceptable`, `value` is a fresh one."""

    value: str
    acceptable: bool


class _Edge(Struct, kw_only=True):
    path: str
    correlation: Correlation
    headers: list[tuple[str, str]]


def correlation_of(scope: Any) -> Correlation:
    """The correlation id of the request of this ASGI scope."""
    edge: _Edge = scope["state"][_KEY]
    return edge.correlation


def path_of(scope: Any) -> str:
    """The path as it was sent: the router goes on with one that lacks a last slash and doubled ones."""
    edge: _Edge = scope["state"][_KEY]
    return edge.path


def answer_headers(scope: Any) -> list[tuple[str, str]]:
    """Headers to add to the answer of this request, whatever it will be."""
    edge: _Edge = scope["state"][_KEY]
    return edge.headers


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, public_url: str, answers: Transfers) -> None:
        self._app = app
        self._public_url = public_url
        self._answers = answers

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One call; the server passes nothing on but HTTP."""
        headers = scope["headers"]
        correlation = _read_correlation(scope["path"], headers)
        edge = _Edge(path=scope["path"], correlation=correlation, headers=[])
        incoming = Incoming(receive, headers)
        method = scope["method"]
        head = method == "HEAD"
        inner: Any = {**scope, "state": {**scope.get("state", {}), _KEY: edge}}
        webhook = scope["path"].startswith(_WEBHOOKS)
        if head and not webhook:  # there it is a question of its own, by which a vendor looks for us
            inner["method"] = "GET"
        elif method == "OPTIONS":
            # The framework's own answer names the methods of one handler; what it says to a method that nobody offers
            # names all of the route.
            inner["method"] = ASKED
        # Whoever calls there is not known yet, and a vendor's traces are not ours.
        traceparent, tracestate = (
            (None, None) if webhook else (_single(headers, b"traceparent"), _single(headers, b"tracestate"))
        )
        with (
            telemetry.bind(correlation.value, traceparent, tracestate),
            telemetry.server_span(
                str(method), scheme=str(scope.get("scheme", "http")), quiet=_is_probe(scope["path"])
            ) as call,
        ):
            added = [(b"x-correlation-id", correlation.value.encode())]
            if (trace := telemetry.traceresponse()) is not None:
                added.append((b"traceresponse", trace.encode()))

            async def send_dressed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    call.answered(message["status"])
                    if not await incoming.discard():
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

            if (wrong := _wrong_host(scope["http_version"], headers)) is not None:
                await self._refuse(wrong, edge, send_dressed)
            else:
                await self._app(inner, incoming.receive, send_dressed)

    async def _send_in_pieces(self, body: bytes, send: Send) -> None:
        """Where the caller does not read it, stop half way: then the server ends the connection."""
        with contextlib.suppress(MalformedBody, RateLimited):
            async with self._answers.begin() as transfer:
                transfer.moved(len(body))
                for start in range(0, len(body), PIECE):
                    more = start + PIECE < len(body)
                    await send({"type": "http.response.body", "body": body[start : start + PIECE], "more_body": more})
                    transfer.moved()

    async def _refuse(self, wrong: str, edge: _Edge, send: Send) -> None:
        problem = document_of(
            InvalidHost(wrong),
            public_url=self._public_url,
            instance=edge.path[:2000],
            correlation_id=edge.correlation.value,
        )
        body = msgspec.json.encode(problem)
        headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _is_probe(path: str) -> bool:
    """Probes and scrapes come every few seconds, from each of several tools."""
    return path.startswith("/health/") or path == "/metrics"


def _wrong_host(version: str, headers: Any) -> str | None:
    """What is wrong with the Host header. The server puts an empty one where there is none."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1:
        return f"{len(hosts)} Host headers were sent; send one."
    if version == "1.1" and not (hosts and _HOST.fullmatch(hosts[0])):
        return "The Host header is missing, empty, or no host."
    return None


def _read_correlation(path: str, headers: Any) -> Correlation:
    sent = [value for name, value in headers if name == b"x-correlation-id"]
    if not sent or path.startswith(_UNJUDGED):
        return Correlation(value=str(uuid7()), acceptable=True)
    value = sent[0].decode("latin-1").strip(" \t")
    if len(sent) == 1 and _CORRELATION.fullmatch(value):
        return Correlation(value=value, acceptable=True)
    return Correlation(value=str(uuid7()), acceptable=False)


def _single(headers: Any, name: bytes) -> str | None:
    values = [value for key, value in headers if key == name]
    # Of traceparent only one may be there (W3C Trace Context, 3.2); several tracestate lines are one list.
    if not values or (name == b"traceparent" and len(values) > 1):
        return None
    return b",".join(values).decode("latin-1")
