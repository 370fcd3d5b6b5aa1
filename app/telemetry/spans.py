"""Spans inside a request or a job: a mapping, a request to a vendor, an operation that a worker continues, an attempt
at a job with its duration and outcome."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from app.telemetry.context import bind, span_of
from app.telemetry.metrics import client_duration, mapping_refusals, registry
from app.telemetry.runs import recorder
from mappings.spec import Unmappable, VendorDrift

_tracer = trace.get_tracer("lockstitch")
_durations = cache(client_duration.labels)  # there are only as many as series
_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

WAITS: Final = frozenset({"deferred", "throttled", "unauthorised"})
"""Outcomes of attempts that wait: for a write of ours, for the vendor's rate limit, for a pause to end."""

process_duration = Histogram(
    "messaging_process_duration_seconds",
    "Duration of job attempts, by outcome.",
    ("messaging_system", "messaging_operation_name", "messaging_destination_name", "outcome"),
    buckets=_SECONDS,
    registry=registry,
)
dead_letters_created = Counter(
    "lockstitch_dead_letters_created", "Jobs that became dead letters.", ("kind", "category"), registry=registry
)


Direction = Literal["read", "write"]


class mapping_span(AbstractContextManager[None]):  # noqa: N801 - used as a function, like `suppress`
    """Trace a mapping: `with mapping_span("hubspot.customer", 1, "read"):`.

    Counts the records that cannot be mapped. Without tracing, no span is created. It runs for every record, and a
    generator would cost five times as much.
    """

    __slots__ = ("_direction", "_mapping", "_revision", "_span", "_token")

    def __init__(self, mapping: str, revision: int, direction: Direction) -> None:
        self._mapping = mapping
        self._revision = revision
        self._direction = direction
        self._span: Span | None = None

    def __enter__(self) -> None:
        if not trace.get_current_span().is_recording():
            return
        self._span = _tracer.start_span(
            f"map {self._mapping}",
            attributes={
                "lockstitch.mapping": self._mapping,
                "lockstitch.mapping.revision": self._revision,
                "lockstitch.mapping.direction": self._direction,
            },
        )
        self._token = otel_context.attach(trace.set_span_in_context(self._span))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._count(error)
        if self._span is None:
            return
        otel_context.detach(self._token)
        if error is not None:
            _fail(self._span, type(error).__qualname__)
        self._span.end()

    def _count(self, error: BaseException) -> None:
        refusal = error if isinstance(error, Unmappable) else error.__cause__
        if isinstance(refusal, Unmappable):
            reason = "drift" if isinstance(refusal, VendorDrift) else "unmappable"
            mapping_refusals.labels(self._mapping, str(self._revision), reason).inc()


class VendorCall(AbstractContextManager["VendorCall"]):  # a generator would cost several times as much
    """One request to a vendor: its outcome, for its span, its duration and the steps of its run."""

    __slots__ = (
        *("_attempt", "_began_at", "_connection", "_method", "_route", "_started", "_vendor"),
        *("error_type", "request_id", "span", "status"),
    )

    def __init__(self, span: Span, *, connection: str, vendor: str, method: str, route: str, attempt: int) -> None:
        self.span = span
        self.status: int | None = None
        self.request_id: str | None = None
        self.error_type = ""
        self._connection = connection
        self._vendor = vendor
        self._method = method
        self._route = route
        self._attempt = attempt

    def answered(self, status: int, request_id: str | None) -> None:
        """Set the status of the reply. `request_id` is the vendor's own, which its support asks for."""
        self.status = status
        self.request_id = request_id
        if status >= 400:
            self.error_type = str(status)
        if not self.span.is_recording():
            return
        self.span.set_attribute("http.response.status_code", status)
        if request_id is not None:
            self.span.set_attribute("vendor.request_id", request_id)

    def failed(self, error_type: str) -> None:
        """Set the failure: a short word such as `timeout` or `throttled`."""
        self.error_type = error_type

    def __enter__(self) -> Self:
        self._began_at = datetime.now(UTC)
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        if kind is not None:
            self.error_type = self.error_type or kind.__qualname__
        status_class = "" if self.status is None else f"{self.status // 100}xx"
        _durations(self._connection, self._method, self._route, status_class, self.error_type).observe(seconds)
        facts = {
            "connection": self._connection,
            "vendor": self._vendor,
            "method": self._method,
            "route": self._route,
            "attempt": self._attempt,
            "status": self.status,
            "outcome": self.error_type or "success",
            "request_id": self.request_id,
            "ms": round(seconds * 1000, 2),
        }
        recorder.note("vendor_call", self._began_at, facts)
        if self.error_type:
            _fail(self.span, self.error_type)
        self.span.end()


def vendor_span(
    *, connection: str, vendor: str, method: str, route: str, base_url: str, resend_count: int
) -> VendorCall:
    """Trace one attempt of a request to a vendor. `route` is the template of the path, with the name of a GraphQL query
    behind a space; path and query are not recorded.

    Vendors receive no trace headers: they cannot use them, and could link the calls of one run.
    """
    span: Span = INVALID_SPAN
    if trace.get_current_span().is_recording():
        base = urlsplit(base_url)
        public = base.netloc.rpartition("@")[2]
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "url.full": f"{base.scheme}://{public}{base.path}{route.partition(' ')[0]}",
            "url.template": route,
            "server.address": base.hostname or "",
            "server.port": base.port or (443 if base.scheme == "https" else 80),
            "lockstitch.connection": connection,
            "lockstitch.vendor": vendor,
        }
        if resend_count:
            attributes["http.request.resend_count"] = resend_count
        span = _tracer.start_span(f"{method} {vendor} {route}", kind=SpanKind.CLIENT, attributes=attributes)
    return VendorCall(span, connection=connection, vendor=vendor, method=method, route=route, attempt=resend_count + 1)


@contextmanager
def operation_span(name: str, correlation: str, traceparent: str | None, *, first: bool) -> Iterator[None]:
    """Bind and trace an operation that a worker continues.

    `traceparent` is that of the original call. The first run continues its trace. Later runs start in the trace derived
    from the correlation id and link to it, so that a trace does not grow for days.
    """
    original = None if first else span_of(traceparent)
    links = [] if original is None else [Link(original)]
    with (
        bind(correlation, traceparent if first else None),
        _tracer.start_as_current_span(
            name, kind=SpanKind.CONSUMER, links=links, record_exception=False, set_status_on_exception=False
        ) as span,
    ):
        try:
            yield
        except BaseException as error:
            _fail(span, type(error).__qualname__)
            raise


def trace_echo(name: str, correlation: str, traceparent: str | None) -> None:
    """Tie the current span to the write that caused it, so that the trace of either leads to the other.

    The current span gets a link and `lockstitch.caused_by`, the correlation id of the write. The trace of the write
    gets a short span `echo <name>` that links back.
    """
    current = trace.get_current_span()
    if not current.is_recording():
        return
    current.set_attribute("lockstitch.caused_by", correlation)
    write = span_of(traceparent)
    if write is not None:
        current.add_link(write)
    with bind(correlation, traceparent):
        _tracer.start_span(f"echo {name}", links=[Link(current.get_span_context())]).end()


@contextmanager
def discovery_span(vendor: str) -> Iterator[None]:
    """Trace what a process learns about an account of a vendor before it can map its records."""
    if not trace.get_current_span().is_recording():
        yield
        return
    with _tracer.start_as_current_span(
        f"discover {vendor}", record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            _fail(span, type(error).__qualname__)
            raise


class JobAttempt:
    """The outcome of one attempt, for its span and duration."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome = "lost"

    def ended(self, outcome: str) -> None:
        """Set the outcome, such as `done`, `retried` or `throttled`."""
        self.outcome = outcome


def note_wait(outcome: str, reason: str) -> None:
    """Record on the current span why a job waits, if `outcome` is a wait. A wait is no failure."""
    if outcome in WAITS:
        trace.get_current_span().add_event(outcome, {"lockstitch.reason": reason})


@contextmanager
def job_span(
    kind: str, *, job_id: int, connection: str, attempt: int, correlation: str, traceparent: str | None
) -> Iterator[JobAttempt]:
    """Trace one attempt at a job. The first attempt continues the trace in which the job was enqueued; later ones link
    to it."""
    run = JobAttempt()
    started = time.perf_counter()
    with operation_span(f"process {kind}", correlation, traceparent, first=attempt == 1):
        span = trace.get_current_span()
        if span.is_recording():
            span.set_attributes(
                {
                    "messaging.system": "lockstitch",
                    "messaging.operation.type": "process",
                    "messaging.operation.name": "process",
                    "messaging.destination.name": kind,
                    "messaging.message.id": str(job_id),
                    "lockstitch.connection": connection,
                    "lockstitch.job.attempt": attempt,
                }
            )
        try:
            yield run
        finally:
            process_duration.labels("lockstitch", "process", kind, run.outcome).observe(time.perf_counter() - started)
            _set_outcome(span, run.outcome)


def count_dead_letter(kind: str, category: str) -> None:
    """Count a new dead letter."""
    dead_letters_created.labels(kind, category).inc()


def _set_outcome(span: Span, outcome: str) -> None:
    if span.is_recording():
        span.set_attribute("lockstitch.outcome", outcome)
    if outcome != "done" and outcome not in WAITS:
        _fail(span, outcome)


def _fail(span: Span, error_type: str) -> None:
    if span.is_recording():
        span.set_attribute("error.type", error_type)
        span.set_status(Status(StatusCode.ERROR))
