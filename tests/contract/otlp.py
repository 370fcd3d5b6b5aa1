"""A collector for tests: spans, metrics and logs by OTLP over HTTP, in memory."""

from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.http_server import LocalServer, Reply, Request

ALL_SIGNALS: Final = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp"}
"""Variables that export metrics and logs too."""


class Collector(LocalServer):
    """Listen at `url` and keep the received bytes."""

    def __init__(self) -> None:
        self._received: list[tuple[str, bytes]] = []
        super().__init__(self._receive)

    def _receive(self, request: Request) -> Reply:
        self._received.append((request.path, request.body))
        return Reply()

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables that point a process to this collector."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}

    @property
    def bodies(self) -> list[bytes]:
        """Everything so far, as received."""
        return [body for _, body in self._received]

    def spans(self) -> list[Span]:
        """Return every span so far."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self._of("traces")]
        scopes = [scope for one in requests for resource in one.resource_spans for scope in resource.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def log_records(self) -> list[LogRecord]:
        """Return every line so far."""
        requests = [ExportLogsServiceRequest.FromString(body) for body in self._of("logs")]
        scopes = [scope for one in requests for resource in one.resource_logs for scope in resource.scope_logs]
        return [record for scope in scopes for record in scope.log_records]

    def metrics(self, service: str) -> dict[str, Metric]:
        """Return the last state of each metric of a service, by name."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body in self._of("metrics")]
        resources = [resource for one in requests for resource in one.resource_metrics]
        ours = [one for one in resources if any(fact.value.string_value == service for fact in one.resource.attributes)]
        return {metric.name: metric for one in ours for scope in one.scope_metrics for metric in scope.metrics}

    def _of(self, signal: str) -> list[bytes]:
        return [body for path, body in self._received if path == f"/v1/{signal}"]


def attribute(span: Span | LogRecord | HistogramDataPoint, key: str) -> str:
    """Return a text attribute; empty if it is missing."""
    return next((one.value.string_value for one in span.attributes if one.key == key), "")
