"""The current workflow run: its correlation id and its trace.

The trace id is that of the caller's `traceparent`; otherwise the first 16 bytes of SHA-256 over the correlation id. So
all calls of a run are one trace, even if the tool has no tracing. Such spans have no parent.
"""

import hashlib
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
"""The run of the current task; empty outside of a run."""

_propagator = TraceContextTextMapPropagator()


def derive_trace_id(correlation: str) -> int:
    """Return the 128-bit trace id of a run whose caller sent no `traceparent`."""
    return int.from_bytes(hashlib.sha256(correlation.encode()).digest()[:16], "big")


def bind(
    correlation: str, traceparent: str | None = None, tracestate: str | None = None
) -> AbstractContextManager[None]:
    """Bind the block to one run: its logs and spans belong to this run only.

    An invalid `traceparent` is ignored (W3C Trace Context, section 3.2.2).
    """
    if traceparent is None:
        return _Binding(correlation, Context())
    carrier = {"traceparent": traceparent} | ({} if tracestate is None else {"tracestate": tracestate})
    return _Binding(correlation, _propagator.extract(carrier, Context()))


class _Binding(AbstractContextManager[None]):  # entered for every request; a generator costs several times as much
    __slots__ = ("_attached", "_bound", "_context", "_correlation")

    def __init__(self, correlation: str, context: Context) -> None:
        self._correlation = correlation
        self._context = context

    def __enter__(self) -> None:
        self._bound = correlation_id.set(self._correlation)
        self._attached = otel_context.attach(self._context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        otel_context.detach(self._attached)
        correlation_id.reset(self._bound)


def current_traceparent() -> str | None:
    """Return the current span as a `traceparent`, to store with work that continues later.

    It is the `traceresponse` of an answer too (W3C Trace Context level 2 draft): the server's span with its real flags.
    """
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def span_of(traceparent: str | None) -> SpanContext | None:
    """Return the span of a `traceparent`, or None if it is not valid."""
    if traceparent is None:
        return None
    span = trace.get_current_span(_propagator.extract({"traceparent": traceparent}, Context())).get_span_context()
    return span if span.is_valid else None


def url_of_trace(pattern: str | None, trace_id: str) -> str | None:
    """Return the URL of a trace. `pattern` has `{trace_id}` in place of its id; None if there is no trace store."""
    return None if pattern is None else pattern.replace("{trace_id}", trace_id)
