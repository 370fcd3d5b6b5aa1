"""Which workflow run this is: the correlation id, and the trace that follows from it.

A trace id comes from the caller's `traceparent`, else it is the first 16 bytes of SHA-256 over the correlation id, so
that all calls of one run are one trace although the tool knows nothing of traces. Such spans have no parent: none is
invented.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
"""Of the run that this task works for; empty outside of any."""

_propagator = TraceContextTextMapPropagator()


def derive_trace_id(correlation: str) -> int:
    """The 128 bits that stand for a run whose caller sent no `traceparent`."""
    return int.from_bytes(hashlib.sha256(correlation.encode()).digest()[:16], "big")


@contextmanager
def bind(correlation: str, traceparent: str | None = None, tracestate: str | None = None) -> Iterator[None]:
    """Work for one run: what is logged and traced inside the block belongs to it, and to nothing around the block.

    An invalid `traceparent` counts as none (W3C Trace Context, section 3.2.2).
    """
    headers = {"traceparent": traceparent, "tracestate": tracestate}
    carrier = {name: value for name, value in headers.items() if value is not None}
    bound = correlation_id.set(correlation)
    attached = otel_context.attach(_propagator.extract(carrier, Context()) if carrier else Context())
    try:
        yield
    finally:
        otel_context.detach(attached)
        correlation_id.reset(bound)


def current_traceparent() -> str | None:
    """The current span as a `traceparent`, to be kept with work that somebody goes on with later."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def traceresponse() -> str | None:
    """The answer's `traceresponse` (W3C Trace Context level 2 draft): this server's span with its real flags."""
    return current_traceparent()


class RunIdGenerator(RandomIdGenerator):
    """Trace ids derived from the correlation id; random ones for work that belongs to no run."""

    def generate_trace_id(self) -> int:
        """Asked for spans without a parent only."""
        correlation = correlation_id.get()
        return derive_trace_id(correlation) if correlation else super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Never claimed, as most ids are derived (W3C Trace Context level 2, random-trace-id flag)."""
        return False


class UnsampledTracer(Tracer):
    """Of a process that tells its spans to nobody: they have their ids, which answers and jobs carry, and nothing else.
    The SDK's own tracer would ask a sampler, and reckon, for the same."""

    def __init__(self) -> None:
        self._ids = RunIdGenerator()

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> trace.Span:
        """A span that records nothing, in its parent's trace or in that of the run."""
        parent = trace.get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        flags = TraceFlags(parent.trace_flags & TraceFlags.RANDOM_TRACE_ID)
        span_id = self._ids.generate_span_id()
        return NonRecordingSpan(SpanContext(trace_id, span_id, False, flags, parent.trace_state))

    def start_as_current_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Any:
        """A context manager: one that is current inside the block."""
        return trace.use_span(self.start_span(name, context))


class Unsampled(TracerProvider):
    """The provider of such tracers."""

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """One for everybody."""
        return UnsampledTracer()


class CorrelationProcessor(SpanProcessor):
    """Writes `correlation.id` on every span, whoever makes it."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called in the task that starts the span."""
        correlation = correlation_id.get()
        if correlation:
            span.set_attribute("correlation.id", correlation)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing is left to do."""


TRACE_ID: Final = "{trace_id}"
