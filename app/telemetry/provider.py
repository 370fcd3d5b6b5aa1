"""The spans, metrics and logs of one process, exported if the `OTEL_*` variables say so (`app.telemetry.exporters`).

Without a collector nothing is sampled, but calls keep their trace ids.
"""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app import VERSION
from app.postgres.database import trace_queries
from app.settings.environment import Settings
from app.telemetry.exporters import CountingExporter, open_exporter
from app.telemetry.logs import ENVIRONMENT, set_up_logs
from app.telemetry.metrics import describe_process
from app.telemetry.run_ids import CorrelationProcessor, RunIdGenerator, Unsampled

_closing: Final[list[Callable[[], None]]] = []

METRIC_INTERVAL_MS: Final = 60_000
# Seconds that a process waits at its end for a collector that may be unreachable.
FLUSH_SECONDS = 3


class _Batches(BatchSpanProcessor):
    def shutdown(self) -> None:
        self._batch_processor.shutdown(FLUSH_SECONDS * 1000)


def set_up(settings: Settings, service: str, *, processors: Sequence[SpanProcessor] = ()) -> None:
    """Set up logs on standard error, and spans of the service `lockstitch-<service>`, once per process.

    `processors` also receive the spans, such as one that keeps them in memory. Raises SettingsError for variables that
    it cannot use.
    """
    set_up_logs(settings.log_level, environment=settings.environment)
    describe_process(service, settings.environment)
    resource = _resource(service, settings.environment)
    _set_up_spans(settings, resource, processors)
    _set_up_pushes(resource)


def shut_down() -> None:
    """Export what is left, for at most FLUSH_SECONDS a signal."""
    while _closing:
        _closing.pop(0)()


def _set_up_spans(settings: Settings, resource: Resource, processors: Sequence[SpanProcessor]) -> None:
    exporter = open_exporter("traces", os.environ)
    if exporter is None and not processors:
        trace.set_tracer_provider(Unsampled())
        return
    provider = TracerProvider(resource=resource, id_generator=RunIdGenerator(), shutdown_on_exit=False)
    # OTEL_SDK_DISABLED would also remove the trace ids that answers carry.
    provider._disabled = False
    provider.add_span_processor(CorrelationProcessor())
    if exporter is not None:
        provider.add_span_processor(_Batches(CountingExporter("traces", exporter)))
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    _closing.append(provider.shutdown)
    trace_queries(settings.trace_sql)


def _set_up_pushes(resource: Resource) -> None:
    """Logs end last, as the others log. Imports are here, so that a process without them does not load them."""
    if exporter := open_exporter("metrics", os.environ):
        from app.telemetry.metric_export import MetricPushes  # noqa: PLC0415

        interval = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or METRIC_INTERVAL_MS)
        pushes = MetricPushes(exporter, resource, interval / 1000)
        _closing.append(lambda: pushes.close(FLUSH_SECONDS))
    if exporter := open_exporter("logs", os.environ):
        from app.telemetry.log_export import OtlpLogs  # noqa: PLC0415

        handler = OtlpLogs(exporter, resource)
        logging.getLogger().addHandler(handler)
        _closing.append(lambda: handler.finish(FLUSH_SECONDS))


def _resource(service: str, environment: str) -> Resource:
    ours = Resource.create(
        {
            "service.name": f"lockstitch-{service}",
            "service.version": VERSION,
            "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(),
            ENVIRONMENT: environment,
        }
    )
    return ours.merge(OTELResourceDetector().detect())
