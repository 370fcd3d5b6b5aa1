"""A collector for tests: spans, metrics and logs by OTLP over HTTP, in memory."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

ALL_SIGNALS: Final = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp"}
"""Variables that export metrics and logs too."""


class Collector:
    """Listen at `url` and keep the received bytes."""

    def __init__(self) -> None:
        self._received: list[tuple[str, bytes]] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

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

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def attribute(span: Span | LogRecord | HistogramDataPoint, key: str) -> str:
    """Return a text attribute; empty if it is missing."""
    return next((one.value.string_value for one in span.attributes if one.key == key), "")
