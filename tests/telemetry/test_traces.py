"""One workflow run is one trace, whether the tool knows of traces or not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from app.errors import VendorDrifted
from app.telemetry import (
    bind,
    correlation_id,
    current_traceparent,
    derive_trace_id,
    mapping_span,
    name_caller,
    name_route,
    operation_span,
    render_metrics,
    server_span,
)
from mappings.spec import Unmappable, VendorDrift
from tests.telemetry.recording import Recording

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
INVALID = [
    None,
    "",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
]


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1, max_size=128))
def test_a_trace_id_is_the_first_half_of_the_hash(correlation: str) -> None:
    assert f"{derive_trace_id(correlation):032x}" == hashlib.sha256(correlation.encode()).hexdigest()[:32]


@pytest.mark.parametrize("traceparent", INVALID)
def test_calls_of_one_run_are_one_trace_without_a_parent(spans: Recording, traceparent: str | None) -> None:
    for _ in range(2):
        with bind("run-1", traceparent), server_span("GET"):
            pass
    first, second = spans.finished()
    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id == second.context.trace_id == derive_trace_id("run-1")
    assert first.context.span_id != second.context.span_id
    assert first.parent is None
    assert second.parent is None


def test_a_traceparent_wins(spans: Recording) -> None:
    with bind("run-1", TRACEPARENT, "vendor=1"), server_span("GET"):
        answered = current_traceparent()
    (span,) = spans.finished()
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.context.trace_state.get("vendor") == "1"
    assert answered == f"00-0af7651916cd43dd8448eb211c80319c-{span.context.span_id:016x}-01"


def test_a_caller_that_does_not_sample_is_not_traced_and_still_answered(spans: Recording) -> None:
    with bind("run-1", TRACEPARENT[:-2] + "00"), server_span("GET"):
        answered = current_traceparent()
    assert spans.finished() == []
    assert answered is not None
    assert answered.startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert answered.endswith("-00")
    assert "b7ad6b7169203331" not in answered


def test_every_span_carries_the_correlation_id(spans: Recording) -> None:
    with bind("run-1"), server_span("GET"):
        with mapping_span("hubspot.customer", 1, "read"):
            pass
        with trace.get_tracer("lockstitch.store").start_as_current_span("SELECT link"):
            pass
    assert [(span.attributes or {})["correlation.id"] for span in spans.finished()] == ["run-1"] * 3


def test_a_run_is_left_behind_with_its_block(spans: Recording) -> None:
    with bind("outer"), server_span("GET"):
        with bind("inner"):
            assert correlation_id.get() == "inner"
            assert current_traceparent() is None
        assert correlation_id.get() == "outer"
        assert current_traceparent() is not None
    assert correlation_id.get() == ""
    assert current_traceparent() is None


def test_a_server_span_speaks_of_the_route_and_never_of_ids(spans: Recording) -> None:
    with bind("run-1"), server_span("GET", scheme="https", address="api.example.com", port=443) as call:
        name_route("/v1/customers/{id}")
        name_caller("n8n")
        call.status = 200
    (span,) = spans.finished()
    assert (span.name, span.kind) == ("GET /v1/customers/{id}", SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "correlation.id": "run-1",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/v1/customers/{id}",
        "lockstitch.caller": "n8n",
        "server.address": "api.example.com",
        "server.port": 443,
        "url.path": "/v1/customers/{id}",
        "url.scheme": "https",
    }
    assert span.status.status_code == StatusCode.UNSET


def test_a_server_span_fails_with_5xx_only(spans: Recording) -> None:
    for status in (404, 503):
        with bind("run-1"), server_span("GET") as call:
            call.status = status
    fine, failed = spans.finished()
    assert fine.status.status_code == StatusCode.UNSET
    assert failed.status.status_code == StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "503"


def test_only_the_class_of_an_exception_is_recorded(spans: Recording) -> None:
    with bind("run-1"), pytest.raises(ValueError), server_span("BREW"):
        raise ValueError("hypatia@example.com")
    (span,) = spans.finished()
    assert span.name == "HTTP"
    assert (span.attributes or {})["http.request.method"] == "_OTHER"
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert span.events == ()
    assert "hypatia" not in spans.text()


def test_a_mapping_is_a_span_within_the_call(spans: Recording) -> None:
    with bind("run-1"), server_span("GET"), mapping_span("hubspot.customer", 2, "write"):
        pass
    mapping, server = spans.finished()
    assert mapping.name == "map hubspot.customer"
    assert mapping.parent is not None
    assert server.context is not None
    assert mapping.parent.span_id == server.context.span_id
    assert dict(mapping.attributes or {}) == {
        "correlation.id": "run-1",
        "lockstitch.mapping": "hubspot.customer",
        "lockstitch.mapping.revision": 2,
        "lockstitch.mapping.direction": "write",
    }


@pytest.mark.parametrize(("kind", "reason"), [(VendorDrift, "drift"), (Unmappable, "unmappable")])
def test_records_without_an_honest_reading_are_counted(kind: type[Unmappable], reason: str) -> None:
    series = f'lockstitch_mapping_refusals_total{{mapping="acme.{reason}",reason="{reason}",revision="3"}} 2.0'
    with pytest.raises(kind), mapping_span(f"acme.{reason}", 3, "read"):
        raise kind("$.email", "expected str")
    with pytest.raises(VendorDrifted), mapping_span(f"acme.{reason}", 3, "read"):
        raise VendorDrifted from kind("$.email", "expected str")
    assert series in render_metrics().decode()


def test_the_first_run_of_an_operation_continues_the_trace(spans: Recording) -> None:
    with operation_span("create customer", "run-1", TRACEPARENT, first=True):
        assert correlation_id.get() == "run-1"
    (span,) = spans.finished()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert span.parent is not None
    assert span.links == ()


def test_a_later_run_begins_anew_and_links_to_the_first(spans: Recording) -> None:
    with operation_span("create customer", "run-1", TRACEPARENT, first=False):
        pass
    (span,) = spans.finished()
    assert span.context is not None
    assert span.context.trace_id == derive_trace_id("run-1")
    assert span.parent is None
    (link,) = span.links
    assert f"{link.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert (span.attributes or {})["correlation.id"] == "run-1"


@pytest.mark.parametrize("traceparent", [None, "nonsense"])
def test_an_operation_without_a_trace_links_to_none(spans: Recording, traceparent: str | None) -> None:
    with operation_span("create customer", "run-1", traceparent, first=False):
        pass
    (span,) = spans.finished()
    assert span.links == ()
