"""Where spans are exported to: by the standard `OTEL_*` variables, or nowhere.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) nothing is sampled or exported, but calls keep their
trace ids. `OTEL_EXPORTER_OTLP_PROTOCOL` chooses `grpc` or `http/protobuf`; without it, port 4317 means gRPC, as
registered, and any other port HTTP. `OTEL_TRACES_EXPORTER` may be `none`. The SDK itself reads sampler, headers,
timeouts, batch sizes and resource attributes.
"""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from app.postgres.database import trace_queries
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.telemetry.context import CorrelationProcessor, RunIdGenerator, Unsampled
from app.telemetry.logs import ENVIRONMENT, set_up_logs
from app.telemetry.metrics import describe_process, spans_exported, spans_failed

_log = logging.getLogger("lockstitch.telemetry")

# Seconds that a process waits at its end for a collector that may be unreachable.
FLUSH_SECONDS = 3


class CountingExporter(SpanExporter):
    """Counts exported and lost spans, and logs when that changes."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False
        self._exporting = Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Runs in the batch processor's thread."""
        with self._exporting:
            try:
                result = self._exporter.export(spans)
            except Exception:  # noqa: BLE001 - telemetry must not break the process
                result = SpanExportResult.FAILURE
            failed = result is not SpanExportResult.SUCCESS
            (spans_failed if failed else spans_exported).inc(len(spans))
        if failed and not self._failing:
            _log.warning("the collector accepts no spans; lockstitch_otlp_spans_failed_total counts them")
        if self._failing and not failed:
            _log.info("the collector accepts spans again")
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """Abort the running export, and count it."""
        self._exporter.shutdown()
        if self._exporting.acquire(timeout=1.0):
            self._exporting.release()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter's own buffer."""
        return self._exporter.force_flush(timeout_millis)


class _Batches(BatchSpanProcessor):
    def shutdown(self) -> None:
        self._batch_processor.shutdown(FLUSH_SECONDS * 1000)


def set_up(settings: Settings, service: str, *, processors: Sequence[SpanProcessor] = ()) -> None:
    """Set up logs on standard error, and spans of the service `lockstitch-<service>`, once per process.

    `processors` also receive the spans, such as one that keeps them in memory. Raises SettingsError for an unknown
    protocol.
    """
    set_up_logs(settings.log_level, environment=settings.environment)
    describe_process(service, settings.environment)
    exporter = _exporter(os.environ)
    if exporter is None and not processors:
        trace.set_tracer_provider(Unsampled())
        return
    provider = TracerProvider(
        resource=_resource(service, settings.environment),
        id_generator=RunIdGenerator(),
        shutdown_on_exit=False,
    )
    # OTEL_SDK_DISABLED would also remove the trace ids that answers carry.
    provider._disabled = False
    provider.add_span_processor(CorrelationProcessor())
    if exporter is not None:
        provider.add_span_processor(_Batches(CountingExporter(exporter)))
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    trace_queries(settings.trace_sql)


def shut_down() -> None:
    """Export remaining spans, for at most FLUSH_SECONDS."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def _exporter(environment: Mapping[str, str]) -> SpanExporter | None:
    named = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or named == "none" or not endpoint:
        return None
    if named not in ("", "otlp"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {named!r}: it must be otlp or none.")
    protocol = (
        environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or ("grpc" if endpoint.rstrip("/").endswith(":4317") else "http/protobuf")
    )
    # Imported here, so that a process without a collector does not load gRPC.
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter  # noqa: PLC0415

        return GrpcExporter()
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter  # noqa: PLC0415

        return HttpExporter()
    raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: it must be grpc or http/protobuf.")


def release() -> str:
    """Return the release of Lockstitch; `0` if it runs without being installed."""
    try:
        return version("lockstitch")
    except PackageNotFoundError:
        return "0"


def _resource(service: str, environment: str) -> Resource:
    ours = Resource.create(
        {
            "service.name": f"lockstitch-{service}",
            "service.version": release(),
            "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(),
            ENVIRONMENT: environment,
        }
    )
    return ours.merge(OTELResourceDetector().detect())
