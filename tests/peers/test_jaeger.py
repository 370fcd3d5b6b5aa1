"""What a person finds in a real Jaeger: a run by its correlation id, what failed in it, and what it caused."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.samples import customer, ticket, word
from tests.contract.waiting import until
from tests.peers.peer import running_peer
from tests.ports import free_port

GOOD: Final = f"good-{word()}"
BAD: Final = f"bad-{word()}"
ECHOES: Final = "SELECT count(*) AS number FROM audit_event WHERE type = 'receipt.echoed' AND correlation_id = $1"
SERVER, ERROR, WARNINGS = 2, 2, "@jaeger@warnings"
LOST: Final = "POST hubspot /crm/v3/objects/contacts"


class Span(NamedTuple):
    """One span as Jaeger shows it. `links` are trace and span ids, `kind` is that of OTLP."""

    name: str
    id: str
    parent: str
    kind: int
    links: list[tuple[str, str]]
    attributes: dict[str, str]
    red: bool


class Jaeger:
    """Its API: the search that its pages offer, and the traces with the warnings that they show."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find(self, service: str, key: str, value: str) -> dict[str, list[Span]]:
        """Search for an attribute, and return the spans by trace id."""
        query = {"service": service, "lookback": "1h", "limit": "50", "tags": json.dumps({key: value})}
        return {trace["traceID"]: self.trace(trace["traceID"]) for trace in self._get("/api/traces", query)["data"]}

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace. Only this version compares what OpenTelemetry calls a host."""
        resources = self._get(f"/api/v3/traces/{trace_id}", {})["result"]["resourceSpans"]
        return [_span(span) for resource in resources for scope in resource["scopeSpans"] for span in scope["spans"]]

    def _get(self, path: str, query: dict[str, str]) -> Any:
        return expect(httpx.get(f"{self._url}{path}", params=query)).json()


def _span(body: dict[str, Any]) -> Span:
    links = [(link["traceId"], link["spanId"]) for link in body.get("links", ())]
    attributes = {one["key"]: str(next(iter(one["value"].values()))) for one in body["attributes"]}
    red = body.get("status", {}).get("code") == ERROR
    return Span(body["name"], body["spanId"], body.get("parentSpanId", ""), body["kind"], links, attributes, red)


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Jaeger]:
    """A Jaeger that holds one good run and one whose reply was lost. Both are over."""
    folder, port = tmp_path_factory.mktemp("jaeger"), free_port()
    collector = f"http://127.0.0.1:{port}"
    with running_peer("jaeger", folder, str(port)) as url:
        until(lambda: _answers(collector))
        facade = Facade(folder, module_database_url, OTEL_EXPORTER_OTLP_ENDPOINT=collector)
        with facade.running(), sending_webhooks(facade, "hubspot"), facade.calling() as caller:
            good_run(facade, caller)
            bad_run(facade, caller)
            facade.api.stop()  # which sends what is left
            facade.worker.stop()
        yield Jaeger(url)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code > 0
    except httpx.TransportError:
        return False


def good_run(facade: Facade, caller: Caller) -> None:
    """Six calls and a copy; HubSpot reports the writes."""
    headers = {"x-correlation-id": GOOD}
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"), headers=headers)
    caller.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": word()}, headers=headers)
    caller.create("/v1/tickets", ticket("zendesk"), headers=headers)
    for path in (f"/v1/customers/{made['id']}", "/v1/orders"):
        assert caller.get(path, headers=headers).status_code == 200
    order = {"connection": "zendesk", "match_on": "email"}
    expect(caller.write("POST", f"/v1/customers/{made['id']}/copies", order, headers=headers), 201)
    until(lambda: facade.sql(ECHOES, GOOD)[0]["number"] >= 2)
    until(lambda: not facade.sql("SELECT 1 FROM job LIMIT 1"))


def bad_run(facade: Facade, caller: Caller) -> None:
    """A create whose reply is lost; a worker finds out that it succeeded."""
    facade.vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
    write = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"x-correlation-id": BAD})
    assert caller.settled(write)["state"] == "succeeded"
    facade.vendors.mend()
    until(lambda: not facade.sql("SELECT 1 FROM job LIMIT 1"))


def run_in(jaeger: Jaeger, run: str) -> tuple[str, list[Span]]:
    """The one trace that a search for the run finds, with all of its spans."""
    ((trace_id, spans),) = jaeger.find("lockstitch-api", "correlation.id", run).items()
    return trace_id, spans


def red(spans: list[Span]) -> list[str]:
    return [span.name for span in spans if span.red]


def test_a_run_is_found_as_one_trace_without_a_red_span(jaeger: Jaeger) -> None:
    _, spans = run_in(jaeger, GOOD)
    assert {span.attributes["correlation.id"] for span in spans} == {GOOD}
    calls = [span.name for span in spans if span.kind == SERVER]
    assert sorted(calls) == [
        *("GET /v1/customers/{id}", "GET /v1/orders", "PATCH /v1/customers/{id}", "POST /v1/customers"),
        *("POST /v1/customers/{id}/copies", "POST /v1/tickets"),
    ]
    assert red(spans) == []
    assert len(spans) <= 60


def test_an_echo_leads_to_the_webhook_and_back(jaeger: Jaeger) -> None:
    trace_id, spans = run_in(jaeger, GOOD)
    echoes = [span for span in spans if span.name.startswith("echo hubspot contact.")]
    caused = jaeger.find("lockstitch-worker", "lockstitch.caused_by", GOOD)
    assert len(echoes) >= 2
    for echo in echoes:
        ((webhook_trace, ingest_id),) = echo.links
        assert red(caused[webhook_trace]) == []
        (ingest,) = (span for span in caused[webhook_trace] if span.id == ingest_id)
        assert (ingest.name, ingest.attributes["lockstitch.caused_by"]) == ("process ingest", GOOD)
        assert trace_id in {linked for linked, _ in ingest.links}
        assert [span.name for span in caused[webhook_trace] if not span.parent] == ["POST /v1/webhooks/{connection}"]


def test_a_lost_reply_is_red_and_its_resolution_stands_beneath_the_call(jaeger: Jaeger) -> None:
    _, spans = run_in(jaeger, BAD)
    assert set(red(spans)) == {LOST}
    (call,) = (span for span in spans if not span.parent)
    (lost,) = (span for span in spans if span.name == LOST)
    (resolve,) = (span for span in spans if span.name == "resolve create customer")
    assert call.name == "POST /v1/customers"
    assert {lost.parent, resolve.parent} == {call.id}
    assert lost.attributes["error.type"] not in ("", None)


def test_jaeger_warns_of_nothing(jaeger: Jaeger) -> None:
    for key in ("correlation.id", "lockstitch.caused_by"):
        for run in (GOOD, BAD):
            for service in ("lockstitch-api", "lockstitch-worker"):
                for spans in jaeger.find(service, key, run).values():
                    warned = [(span.name, span.attributes.get(WARNINGS)) for span in spans]
                    assert warned == [(span.name, None) for span in spans]
