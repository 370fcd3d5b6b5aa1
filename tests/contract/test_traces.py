"""One workflow run is one trace, and no trace, log line or figure tells of a person."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.samples import customer, ticket

CANARY = "canary.of.privacy@example.com"


class Collector:
    """An OTLP/HTTP collector that keeps the bytes that it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        kept = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> list[Span]:
        """Every span that has arrived."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()


@pytest.fixture
def collector() -> Iterator[Collector]:
    sink = Collector()
    yield sink
    sink.close()


def test_a_run_is_one_trace_and_tells_of_nobody(facade: Facade, full_key: str, collector: Collector) -> None:
    run, parent = f"run:{uuid4().hex}", f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    traced = facade.process(
        "serve", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"
    )
    traced.start()
    try:
        with Caller(traced.url, full_key) as caller:
            headers = {"x-correlation-id": run}
            caller.create("/v1/customers", customer("hubspot"), headers=headers)
            caller.create("/v1/tickets", ticket("zendesk"), headers=headers)
            assert caller.get("/v1/customers", params={"email": CANARY}, headers=headers).status_code == 200
            assert caller.get("/v1/orders", headers=headers).status_code == 200
            known = {"x-correlation-id": f"{run}-known", "traceparent": parent}
            assert caller.get("/v1/me", headers=known).headers["traceresponse"].split("-")[1] == parent.split("-")[1]
            assert CANARY not in caller.get("/metrics").text
    finally:
        traced.stop()  # which sends what is left

    ours = [span for span in collector.spans() if _attribute(span, "correlation.id") == run]
    assert {span.trace_id.hex() for span in ours} == {hashlib.sha256(run.encode()).hexdigest()[:32]}
    assert {"POST /v1/customers", "POST /v1/tickets", "GET /v1/customers", "GET /v1/orders"} <= {s.name for s in ours}
    assert {"map hubspot.customer", "INSERT operation", "POST /crm/v3/objects/contacts"} <= {s.name for s in ours}
    assert sum(span.kind == Span.SPAN_KIND_SERVER for span in ours) == 4
    continued = [span for span in collector.spans() if _attribute(span, "correlation.id") == f"{run}-known"]
    assert {span.trace_id.hex() for span in continued} == {parent.split("-")[1]}
    assert not any(CANARY.encode() in body for body in collector.bodies)
    assert CANARY not in traced.log


def _attribute(span: Span, key: str) -> str:
    return next((attribute.value.string_value for attribute in span.attributes if attribute.key == key), "")
