"""One workflow run is one trace, and no trace, log line or metric contains personal data."""

import hashlib
import json
from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import uuid4

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.contract.callers import Caller
from tests.contract.facade import VENDORS, Facade
from tests.contract.otlp import ALL_SIGNALS, Collector, attribute
from tests.contract.samples import customer, ticket, word

CANARY: Final = f"{word()}@example.com"
SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
INTERNAL, CONSUMER = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CONSUMER
ERROR: Final = Status.STATUS_CODE_ERROR


class Traced(NamedTuple):
    """What was exported and logged of the calls, and the runs they belonged to. `lines` and `pushed` are the log
    records and the API's metrics that were exported; `log` and `metrics` are the texts on standard error and at
    `/metrics`."""

    spans: list[Span]
    lines: list[LogRecord]
    pushed: dict[str, Metric]
    bodies: list[bytes]
    log: str
    metrics: str
    run: str
    known: str
    parent: str
    lost: str
    warm: str
    cold: str
    again: str

    def of(self, run: str) -> list[Span]:
        """The spans that carry this correlation id."""
        return [span for span in self.spans if attribute(span, "correlation.id") == run]


def derived(run: str) -> str:
    """The trace id that stands for a run, as `printf %s RUN | sha256sum | cut -c1-32` prints it."""
    return hashlib.sha256(run.encode()).hexdigest()[:32]


@pytest.fixture(scope="module")
def traced(running_facade: Facade, full_key: str) -> Iterator[Traced]:
    """A traced API and a traced worker: four calls of one run, one with a traceparent, one whose reply is lost, and
    many with an e-mail address in places where it may be sent or does not belong."""
    facade, collector = running_facade, Collector()
    names = ("run", "known", "lost", "warm", "cold", "again")
    run, known, lost, warm, cold, again = (f"{name}:{uuid4().hex}" for name in names)
    parent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    api = facade.process("serve", **collector.environment, **ALL_SIGNALS)
    worker = facade.process("worker", **collector.environment, **ALL_SIGNALS)
    facade.worker.stop()
    try:
        api.start()
        worker.start()
        with Caller(api.url, full_key) as caller:
            four_calls(caller, {"x-correlation-id": run})
            caller.create("/v1/customers", customer("hubspot"), headers={"x-correlation-id": warm})
            caller.get("/v1/customers?limit=1", headers={"x-correlation-id": known, "traceparent": parent})
            facade.vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
            write = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"x-correlation-id": lost})
            caller.settled(write)
            send_canaries(caller)
            metrics = caller.get("/metrics").text
        facade.sql("DELETE FROM account_fact")  # else the next process knows what others have learnt
        queries = {**collector.environment, "LOCKSTITCH_TRACE_SQL": "1"}
        with facade.another_api(**queries) as traces_queries, Caller(traces_queries.url, full_key) as caller:
            caller.create("/v1/customers", customer("hubspot"), headers={"x-correlation-id": cold})
            caller.create("/v1/customers", customer("hubspot"), headers={"x-correlation-id": again})
    finally:
        facade.vendors.mend()
        api.stop()  # which sends what is left
        worker.stop()
        facade.worker.start()
    yield Traced(
        *(collector.spans(), collector.log_records(), collector.metrics("lockstitch-api")),
        *(collector.bodies, api.log + worker.log, metrics),
        *(run, known, parent, lost, warm, cold, again),
    )
    collector.close()


def four_calls(caller: Caller, headers: dict[str, str]) -> None:
    made = caller.create("/v1/customers", customer("hubspot"), headers=headers)
    caller.create("/v1/tickets", ticket("zendesk"), headers=headers)
    assert caller.get(f"/v1/customers/{made['id']}", headers=headers).status_code == 200
    assert caller.get("/v1/orders", headers=headers).status_code == 200


def send_canaries(caller: Caller) -> None:
    """An address in queries that are right and wrong, in paths, in bodies that vendors take and refuse."""
    for vendor in VENDORS:
        for _ in range(2):
            caller.write("POST", f"/v1/customers?connection={vendor}", customer(vendor, CANARY.partition("@")[0]))
        for name in ("email", "external_id", "cursor", "nope"):
            caller.get("/v1/customers", params={"connection": vendor, name: CANARY})
        caller.get(f"/v1/customers/{vendor}:{CANARY}")
    for path in (f"/v1/customers/{CANARY}", f"/{CANARY}", f"/v1/operations/{CANARY}", f"/problems/{CANARY}"):
        caller.get(path, params={"email": CANARY})
    with Caller(caller.url, None) as anonymous:
        anonymous.get("/v1/customers", params={"email": CANARY})
        anonymous.get("/v1/customers", headers={"authorization": f"Bearer {CANARY}"})
    caller.write("POST", "/v1/customers", {CANARY: 1, "emails": [{"address": CANARY * 2}]})
    caller.get("/v1/me", headers={"x-correlation-id": f"not usable {CANARY}"})


def test_a_run_is_one_trace_of_all_that_was_done(traced: Traced) -> None:
    spans = traced.of(traced.run)
    assert {span.trace_id.hex() for span in spans} == {derived(traced.run)}
    names = {span.name: span for span in spans}
    for name in ("POST /v1/customers", "POST /v1/tickets", "GET /v1/customers/{id}", "GET /v1/orders"):
        assert names[name].kind == SERVER
    for name in ("map hubspot.customer", "map zendesk.ticket"):
        assert names[name].kind == INTERNAL
    for name in (
        "POST hubspot /crm/v3/objects/contacts",
        "POST zendesk /api/v2/tickets",
        "POST shopify /graphql orders",
    ):
        assert names[name].kind == CLIENT
    assert sum(span.kind == SERVER for span in spans) == 4


def test_what_is_learnt_about_a_vendor_stands_under_one_span(traced: Traced) -> None:
    spans = traced.of(traced.cold)
    (discovery,) = (span for span in spans if span.name == "discover hubspot")
    below = {span.name for span in spans if span.parent_span_id == discovery.span_id}
    assert "GET hubspot /account-info/v3/details" in below


def test_a_warm_create_is_a_few_spans(traced: Traced) -> None:
    assert 3 <= len(traced.of(traced.warm)) <= 8


def test_nothing_is_red_in_a_healthy_run(traced: Traced) -> None:
    red = [span.name for run in (traced.run, traced.warm) for span in traced.of(run) if span.status.code]
    assert red == []


def test_each_query_is_a_span_where_that_is_wanted(traced: Traced) -> None:
    with_queries = {span.trace_id.hex() for span in traced.spans if attribute(span, "db.system.name")}
    assert derived(traced.again) in with_queries
    assert with_queries.isdisjoint({derived(traced.run), derived(traced.warm), derived(traced.lost)})


def test_a_create_links_its_record_in_the_statement_that_settles_it(traced: Traced) -> None:
    spans = traced.of(traced.again)
    names = [span.name for span in spans if attribute(span, "db.system.name") == "postgresql"]
    assert {"INSERT operation", "UPDATE operation"} <= set(names)
    assert [name for name in names if name.startswith("INSERT")] == ["INSERT operation"]


def test_every_span_of_the_trace_names_the_run(traced: Traced) -> None:
    of_the_trace = [span for span in traced.spans if span.trace_id.hex() == derived(traced.run)]
    assert len(of_the_trace) == len(traced.of(traced.run)) > 10


def test_every_span_is_below_the_call_that_caused_it_and_calls_below_none(traced: Traced) -> None:
    spans = traced.of(traced.run)
    ids = {span.span_id for span in spans}
    for span in spans:
        assert (span.parent_span_id in ids) == (span.kind != SERVER), span.name
        assert span.parent_span_id or span.kind == SERVER


def test_a_traceparent_wins(traced: Traced) -> None:
    _, trace_id, parent_id, _ = traced.parent.split("-")
    spans = traced.of(traced.known)
    assert {span.trace_id.hex() for span in spans} == {trace_id}
    (call,) = (span for span in spans if span.kind == SERVER)
    assert call.parent_span_id.hex() == parent_id


def test_a_lost_reply_is_red_and_its_resolution_stands_beneath_the_call(traced: Traced) -> None:
    spans = traced.of(traced.lost)
    assert {span.trace_id.hex() for span in spans} == {derived(traced.lost)}
    (call,) = (span for span in spans if span.kind == SERVER)
    (lost,) = (span for span in spans if span.name == "POST hubspot /crm/v3/objects/contacts")
    assert (lost.parent_span_id, lost.status.code) == (call.span_id, ERROR)
    resolved = [span for span in spans if span.kind == CONSUMER]
    assert {span.name for span in resolved} == {"resolve create customer"}
    assert resolved[0].parent_span_id == call.span_id
    assert resolved[-1].status.code != ERROR
    reads = [span for span in spans if span.parent_span_id == resolved[-1].span_id]
    assert [span for span in reads if span.kind == CLIENT]


def test_no_personal_data_is_left(traced: Traced) -> None:
    mark = CANARY.partition("@")[0]
    assert not [body for body in traced.bodies if mark.encode() in body]
    assert mark not in traced.log
    assert mark not in traced.metrics
    everything = b"".join(traced.bodies).decode("latin-1") + traced.log + traced.metrics
    assert "@example.com" not in everything
    assert "%40example.com" not in everything


def test_no_secret_is_left(traced: Traced, full_key: str) -> None:
    everything = b"".join(traced.bodies).decode("latin-1") + traced.log + traced.metrics
    for secret in (full_key, "hubspot-dev-token", "shopify-dev-token", "zendesk-dev-token", "postgresql://"):
        assert secret not in everything


def test_log_lines_are_json_and_lead_to_the_trace(traced: Traced) -> None:
    lines = [json.loads(line) for line in traced.log.splitlines()]
    ours = [line for line in lines if line.get("correlation_id") == traced.run]
    assert {line["trace_id"] for line in ours} == {derived(traced.run)}
    assert {line["route"] for line in ours} >= {"/v1/customers", "/v1/customers/{id}", "/v1/orders", "/v1/tickets"}


def test_log_lines_are_exported_with_their_run_and_trace(traced: Traced) -> None:
    ours = [line for line in traced.lines if attribute(line, "correlation.id") == traced.run]
    printed = [json.loads(line) for line in traced.log.splitlines()]
    assert len(ours) == len([line for line in printed if line.get("correlation_id") == traced.run]) >= 4
    assert {line.trace_id.hex() for line in ours} == {derived(traced.run)}
    assert {attribute(line, "route") for line in ours} >= {"/v1/customers", "/v1/customers/{id}", "/v1/tickets"}
    assert "POST /v1/customers 201" in {line.body.string_value for line in ours}


def test_metrics_are_exported_under_their_conventional_names(traced: Traced) -> None:
    duration = traced.pushed["http.server.request.duration"]
    points = [
        point
        for point in duration.histogram.data_points
        if attribute(point, "http.route") == "/v1/tickets" and attribute(point, "http.response.status_code") == "201"
    ]
    assert duration.unit == "s"
    assert [(point.count, sum(point.bucket_counts), len(point.bucket_counts)) for point in points] == [(1, 1, 15)]
    assert traced.pushed["lockstitch.database_up"].gauge.data_points[0].as_double == 1.0
    assert traced.pushed["lockstitch.operations"].sum.is_monotonic
