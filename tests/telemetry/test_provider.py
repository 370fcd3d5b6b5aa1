"""Where spans go, by the standard variables. Each case is a process of its own: a tracer provider is set once."""

import json
import os
import socket
import subprocess
import sys
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from app.telemetry import derive_trace_id
from tests.fixtures import opened
from tests.http_server import LocalServer, Reply, Request

PROGRAM = """
import json, logging, time
from opentelemetry import trace
from app import telemetry
from app.settings.environment import load_settings

telemetry.set_up(load_settings({"LOCKSTITCH_LOG_LEVEL": "warning"}), "api")
with telemetry.bind("run-1"), telemetry.server_span("GET") as call:
    telemetry.name_route("/v1/customers/{id}")
    call.status = 200
    recording = trace.get_current_span().is_recording()
    traceresponse = telemetry.current_traceparent()
begun = time.monotonic()
telemetry.shut_down()
metrics = telemetry.render_metrics().decode().splitlines()
print(json.dumps({
    "recording": recording,
    "traceresponse": traceresponse,
    "seconds": time.monotonic() - begun,
    "counted": {line.split()[0]: float(line.split()[1]) for line in metrics if line.startswith("lockstitch_otlp")},
}))
"""


class Collector:
    """Takes spans over HTTP and gRPC."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        outer = self

        def receive(request: Request) -> Reply:
            outer.requests.append(ExportTraceServiceRequest.FromString(request.body))
            return Reply()

        class OverGrpc(TraceServiceServicer):
            def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
                outer.requests.append(request)
                return ExportTraceServiceResponse()

        self.http = LocalServer(receive)
        self.grpc = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
        add_TraceServiceServicer_to_server(OverGrpc(), self.grpc)  # type: ignore[no-untyped-call]
        self.grpc_port = self.grpc.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> "Collector":
        self.grpc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.grpc.stop(None).wait()


collector = opened(Collector)
"""A running collector."""


def run(**variables: str) -> dict[str, Any]:
    """What the program says with these variables; it logs warnings to `log`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment | variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"log": done.stderr.splitlines()}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_SDK_DISABLED": "true"},
    ],
    ids=["nothing configured", "no exporter", "disabled with an endpoint", "disabled"],
)
def test_without_a_collector_no_span_is_recorded(variables: dict[str, str]) -> None:
    report = run(**variables)
    assert report["recording"] is False
    assert report["traceresponse"].startswith(f"00-{derive_trace_id('run-1'):032x}-")
    assert report["traceresponse"].endswith("-00")
    assert report["log"] == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_spans_reach_a_collector(collector: Collector, protocol: str) -> None:
    port = collector.grpc_port if protocol == "grpc" else collector.http.port
    report = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
    )
    assert report["counted"] == {'lockstitch_otlp_exported_total{signal="traces"}': 1.0}
    (resource_spans,) = [spans for request in collector.requests for spans in request.resource_spans]
    resource = {attribute.key: attribute.value.string_value for attribute in resource_spans.resource.attributes}
    assert resource["service.name"] == "lockstitch-api"
    assert resource["service.version"] == "0.1.0"
    assert resource["deployment.environment.name"] == "test"
    (span,) = resource_spans.scope_spans[0].spans
    assert span.name == "GET /v1/customers/{id}"
    assert span.trace_id.hex() == f"{derive_trace_id('run-1'):032x}"
    assert span.parent_span_id == b""


def test_the_service_may_be_named_otherwise(collector: Collector) -> None:
    run(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://127.0.0.1:{collector.http.port}/v1/traces",
        OTEL_SERVICE_NAME="seam",
    )
    attributes = collector.requests[0].resource_spans[0].resource.attributes
    assert [attribute.value.string_value for attribute in attributes if attribute.key == "service.name"] == ["seam"]


def test_the_sampler_is_the_standard_one(collector: Collector) -> None:
    report = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.http.port}", OTEL_TRACES_SAMPLER="always_off"
    )
    assert report["recording"] is False
    assert report["traceresponse"].endswith("-00")
    assert collector.requests == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_unreachable_collector_costs_a_counter_and_one_line_a_signal(protocol: str) -> None:
    with socket.socket() as bound:  # bound and not listening
        bound.bind(("127.0.0.1", 0))
        report = run(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{bound.getsockname()[1]}",
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_METRICS_EXPORTER="otlp",
            OTEL_LOGS_EXPORTER="otlp",
        )
    assert report["recording"] is True
    signals = ("traces", "metrics", "logs")
    assert set(report["counted"]) == {f'lockstitch_otlp_failed_total{{signal="{signal}"}}' for signal in signals}
    assert report["seconds"] < 20
    logged = sorted(json.loads(line)["message"].partition(";")[0] for line in report["log"])
    assert logged == [f"the collector accepts no {signal}" for signal in sorted(signals)]
