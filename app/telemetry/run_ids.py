"""Spans of runs: their trace ids come from the correlation id, which each of them carries."""

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, TracerProvider

from app.telemetry.context import correlation_id, derive_trace_id


class RunIdGenerator(RandomIdGenerator):
    """Derives trace ids from the correlation id; random ids outside of a run."""

    def generate_trace_id(self) -> int:
        """Called only for spans without a parent."""
        correlation = correlation_id.get()
        return derive_trace_id(correlation) if correlation else super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """False, because most ids are derived (W3C Trace Context level 2, random-trace-id flag)."""
        return False


class UnsampledTracer(Tracer):
    """The tracer of a process without a collector: spans have ids, which answers and jobs carry, and record nothing.
    Much cheaper than the SDK's own tracer."""

    def __init__(self) -> None:
        self._ids = RunIdGenerator()

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> trace.Span:
        """Start a span that records nothing, in its parent's trace or in that of the run."""
        parent = trace.get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        flags = TraceFlags(parent.trace_flags & TraceFlags.RANDOM_TRACE_ID)
        span_id = self._ids.generate_span_id()
        return NonRecordingSpan(SpanContext(trace_id, span_id, False, flags, parent.trace_state))

    def start_as_current_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Any:
        """Return a context manager in which such a span is current."""
        return trace.use_span(self.start_span(name, context))


class Unsampled(TracerProvider):
    """The provider of `UnsampledTracer`."""

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """Return a tracer."""
        return UnsampledTracer()


class CorrelationProcessor(SpanProcessor):
    """Sets `correlation.id` on every span."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Runs in the task that starts the span."""
        correlation = correlation_id.get()
        if correlation:
            span.set_attribute("correlation.id", correlation)
