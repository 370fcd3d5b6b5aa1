"""Keeps the spans of a test in memory. The tracer provider is the process's, and can be set only once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import telemetry
from app.postgres.database import trace_queries
from app.settings.environment import load_settings


class Recording:
    """Finished spans."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def finished(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (span,) = [span for span in self.finished() if span.name == name]
        return span

    def text(self) -> str:
        """Everything that the spans hold."""
        return "\n".join(span.to_json() for span in self.finished())


@cache
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    telemetry.set_up(load_settings({}), "test", processors=[SimpleSpanProcessor(exporter)])
    # Logs belong to the test runner.
    root.handlers[:] = handlers
    root.setLevel(level)
    return exporter


@contextmanager
def recording(*, queries: bool = False) -> Iterator[Recording]:
    """Spans that end inside the block; with `queries`, those of queries to the database too."""
    exporter = _exporter()
    exporter.clear()
    trace_queries(queries)
    try:
        yield Recording(exporter)
    finally:
        trace_queries(False)
