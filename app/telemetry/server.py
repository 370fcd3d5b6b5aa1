"""The span, duration and log line of one request to Lockstitch."""

import logging
import time
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Final, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from app.telemetry.metrics import UNMATCHED, server_duration, server_errors
from app.telemetry.run_ids import UnsampledTracer
from app.telemetry.runs import recorder

_tracer = trace.get_tracer("lockstitch.http")
_quiet_tracer = UnsampledTracer()
_log = logging.getLogger("lockstitch.access")
_durations = cache(server_duration.labels)  # there are only as many as series

KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class ServerCall(AbstractContextManager["ServerCall"]):  # a generator would cost several times as much
    """One request: its span, and what becomes known about it while it runs. `route` stays None if no route matches,
    and `status` until an answer is sent."""

    __slots__ = (
        *("_attached", "_started", "_token", "began_at", "caller", "connection", "method", "operation_id"),
        *("problem", "quiet", "replayed", "route", "span", "status"),
    )

    def __init__(self, method: str, span: Span, *, quiet: bool) -> None:
        self.method = method if method in KNOWN_METHODS else "_OTHER"
        self.span = span
        self.route: str | None = None
        self.caller: str | None = None
        self.status: int | None = None
        self.replayed = False
        self.problem: str | None = None
        self.connection: str | None = None
        self.operation_id: str | None = None
        self.quiet = quiet
        self.began_at = datetime.now(UTC)

    def __enter__(self) -> Self:
        self._attached = otel_context.attach(trace.set_span_in_context(self.span))
        self._token = _current.set(self)
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.reset(self._token)
        _finish(self, error, time.perf_counter() - self._started)
        otel_context.detach(self._attached)
        self.span.end()


_current: ContextVar[ServerCall | None] = ContextVar("server_call", default=None)


def name_route(template: str) -> None:
    """Set the route of the current request: `/v1/customers/{id}`."""
    call = _current.get()
    if call is None:
        return
    call.route = template
    if not call.span.is_recording():
        return
    call.span.update_name(f"{call.method} {template}")
    call.span.set_attribute("http.route", template)
    # The convention asks for a path without sensitive data, and record ids point at people.
    call.span.set_attribute("url.path", template)


def name_caller(name: str) -> None:
    """Set the name of the API key of the current request."""
    call = _current.get()
    if call is None:
        return
    call.caller = name
    if call.span.is_recording():
        call.span.set_attribute("lockstitch.caller", name)


def mark_replayed() -> None:
    """Mark the answer of the current request as a replay."""
    call = _current.get()
    if call is not None:
        call.replayed = True


def name_problem(code: str, operation_id: str | None = None, connection: str | None = None) -> None:
    """Set the problem code of the answer, and the operation and the connection if it concerns one."""
    call = _current.get()
    if call is not None:
        call.problem = code
        call.connection = connection
        call.operation_id = operation_id or call.operation_id


def name_operation(operation_id: str) -> None:
    """Set the operation of the current request."""
    call = _current.get()
    if call is not None:
        call.operation_id = operation_id


def server_span(
    method: str,
    *,
    scheme: str = "http",
    address: str | None = None,
    port: int | None = None,
    quiet: bool = False,
) -> ServerCall:
    """Trace one request, from its first byte to its last, inside `bind`.

    `address` and `port` are those that the caller used. An exception that passes through counts as 500. A `quiet`
    request, such as a probe, is logged at debug and exports no span.
    """
    attributes: dict[str, str | int] = {
        "http.request.method": method if method in KNOWN_METHODS else "_OTHER",
        "url.scheme": scheme,
    }
    if address is not None:
        attributes["server.address"] = address
    if port is not None:
        attributes["server.port"] = port
    name = method if method in KNOWN_METHODS else "HTTP"
    tracer = _quiet_tracer if quiet else _tracer
    span = tracer.start_span(name, kind=SpanKind.SERVER, attributes=attributes)
    return ServerCall(method, span, quiet=quiet)


def _finish(call: ServerCall, error: BaseException | None, seconds: float) -> None:
    failed = error is not None or (call.status or 0) >= 500
    error_type = "" if not failed else str(call.status) if error is None else type(error).__qualname__
    status = "" if call.status is None else str(call.status)
    route = call.route or UNMATCHED
    _durations(call.method, route, status, error_type).observe(seconds)
    if failed and (call.status is not None or isinstance(error, Exception)):
        server_errors.labels(route, status or "500").inc()
    if call.span.is_recording():
        if call.status is not None:
            call.span.set_attribute("http.response.status_code", call.status)
        if failed:
            call.span.set_attribute("error.type", error_type)
            call.span.set_status(Status(StatusCode.ERROR))
    _note(call, seconds)
    level = logging.DEBUG if call.quiet else logging.INFO
    if not _log.isEnabledFor(level):
        return
    facts = {
        "method": call.method,
        "route": route,
        "status": call.status,
        "ms": round(seconds * 1000, 2),
        "caller": call.caller,
        "problem": call.problem,
        "operation_id": call.operation_id,
        "replayed": call.replayed or None,
    }
    if failed:
        facts["error_type"] = error_type
    _log.log(level, "%s %s %s", call.method, route, status or error_type, extra=facts)


def _note(call: ServerCall, seconds: float) -> None:
    """Record the request as a step of its run. Only requests with a valid key, because others could fill the disk."""
    if call.caller is None or call.route is None or not call.route.startswith(("/v1/", "/ops/")):
        return
    facts = {
        "method": call.method,
        "route": call.route,
        "status": call.status,
        "ms": round(seconds * 1000, 2),
        "caller": call.caller,
        "replayed": call.replayed,
    }
    if call.problem is not None:
        facts["problem"] = call.problem
    if call.connection is not None:
        facts["connection"] = call.connection
    span = call.span.get_span_context()
    if span.is_valid:
        facts["trace_id"] = f"{span.trace_id:032x}"
    recorder.note("request", call.began_at, facts)
