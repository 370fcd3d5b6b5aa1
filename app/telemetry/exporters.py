"""OTLP exporters, by the standard `OTEL_*` variables.

Without `OTEL_EXPORTER_OTLP_ENDPOINT`, or that of a signal (`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`), nothing is exported.
Spans go to any endpoint; metrics and logs only with `OTEL_METRICS_EXPORTER=otlp`, `OTEL_LOGS_EXPORTER=otlp` or an
endpoint of their own, because many collectors take only spans. `OTEL_EXPORTER_OTLP_PROTOCOL` chooses `grpc` or
`http/protobuf`; without it, port 4317 means gRPC, as registered, and any other port HTTP. The SDK itself reads sampler,
headers, timeouts, batch sizes, intervals and resource attributes.
"""

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from threading import Lock
from typing import Any, Final, Literal

from opentelemetry.sdk.trace.export import SpanExporter

from app.settings.reading import SettingsError
from app.telemetry.metrics import otlp_exported, otlp_failed

Signal = Literal["traces", "metrics", "logs"]

CLASSES: Final[dict[Signal, tuple[str, str]]] = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
MODULES: Final = {"grpc": "grpc", "http/protobuf": "http"}
_log = logging.getLogger("lockstitch.telemetry")


class CountingExporter(SpanExporter):
    """Counts what the collector accepted and what was lost, and logs when that changes."""

    def __init__(self, signal: Signal, exporter: Any) -> None:
        self._signal = signal
        self._exporter = exporter
        self._failing = False
        self._exporting = Lock()

    def export(self, batch: Any) -> Any:
        """Runs in the thread of the SDK. `batch` is a list, or the metrics of one interval."""
        size = len(batch) if isinstance(batch, Sequence) else 1
        with self._exporting:
            try:
                result = self._exporter.export(batch)
            except Exception:  # noqa: BLE001 - telemetry must not break the process
                result = None
            failed = result is None or result.name != "SUCCESS"
            (otlp_failed if failed else otlp_exported).labels(self._signal).inc(size)
        if failed and not self._failing:
            _log.warning("the collector accepts no %s; lockstitch_otlp_failed_total counts them", self._signal)
        if self._failing and not failed:
            _log.info("the collector accepts %s again", self._signal)
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """Abort the running export, and count it."""
        self._exporter.shutdown()
        if self._exporting.acquire(timeout=1.0):
            self._exporting.release()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter's own buffer."""
        flushed: bool = self._exporter.force_flush(timeout_millis)
        return flushed


def open_exporter(signal: Signal, environment: Mapping[str, str]) -> Any:
    """Return the SDK's exporter of a signal, or None. Raises SettingsError for an unknown exporter or protocol."""
    choice, own = f"OTEL_{signal.upper()}_EXPORTER", f"OTEL_EXPORTER_OTLP_{signal.upper()}"
    endpoint = environment.get(f"{own}_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    default = "otlp" if signal == "traces" or f"{own}_ENDPOINT" in environment else "none"
    named = environment.get(choice, "").strip().lower() or default
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or named == "none" or not endpoint:
        return None
    if named != "otlp":
        raise SettingsError(f"{choice} is {named!r}: it must be otlp or none.")
    protocol = (
        environment.get(f"{own}_PROTOCOL")
        or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or ("grpc" if endpoint.rstrip("/").endswith(":4317") else "http/protobuf")
    )
    if protocol not in MODULES:
        raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: it must be grpc or http/protobuf.")
    module, name = CLASSES[signal]
    # Imported here, so that a process without a collector does not load gRPC.
    return getattr(import_module(f"opentelemetry.exporter.otlp.proto.{MODULES[protocol]}.{module}"), name)()
