"""A real Prometheus scrapes Lockstitch, receives the same metrics by OTLP, and answers every query of the dashboard."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.samples import customer, ticket
from tests.contract.subscribers import Answer, SubscriberServer, subscribe
from tests.contract.waiting import until
from tests.peers.peer import running_peer

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "docs" / "alerts" / "lockstitch.rules.yml"
DASHBOARD: Final = json.loads((ROOT / "deploy" / "grafana" / "lockstitch.json").read_text("utf-8"))
QUERIES: Final[list[str]] = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
# Prometheus reads the targets when they are known: they need its address first.
CONFIGURATION: Final = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{rules}]
scrape_configs:
  - job_name: lockstitch
    authorization: {{ credentials_file: {folder}/key }}
    file_sd_configs: [{{ files: [{folder}/targets.json], refresh_interval: 1s }}]
"""
PULLED: Final = """
[connections.hubspot.pull.customers]
every = "1m"
[ownership.customers]
freshness_seconds = 900
"""
READS: Final = (
    'http_client_request_duration_seconds_count{job="lockstitch-api", url_template="/crm/v3/objects/contacts/{id}"}'
)
OF_SCRAPES: Final = re.compile(r"up|scrape_.*|target_info|ALERTS.*")

Labels = frozenset[tuple[str, str]]


class Prometheus:
    """Its API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the series of an instant query that have a value."""
        series = self.get("query", query=query)["result"]
        return [one for one in series if not math.isnan(float(one["value"][1]))]

    def series(self, job: str) -> set[Labels]:
        """Return the names and labels of the series of a job with a sample in the last seconds, without what differs
        between the ways to get them: `le` is written `1.0` by one and `1` by the other."""
        metrics = (one["metric"] for one in self.get("query", query=f'{{job="{job}"}}[15s]')["result"])
        ours = (labels for labels in metrics if not OF_SCRAPES.fullmatch(labels["__name__"]))
        alike = ({**labels, "le": str(float(labels.get("le", "nan")))} for labels in ours)
        return {frozenset((key, labels[key]) for key in labels if key not in ("job", "instance")) for labels in alike}

    def get(self, path: str, **query: str) -> Any:
        """Return the data of an answer."""
        return expect(httpx.get(f"{self._url}/api/v1/{path}", params=query)).json()["data"]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes and receives, after a little of everything that the dashboard shows."""
    folder = tmp_path_factory.mktemp("prometheus")
    configuration = folder / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(rules=RULES, folder=folder), "utf-8")
    with running_peer("prometheus", folder, str(configuration)) as url:
        subscribers = SubscriberServer()
        facade = Facade(
            folder,
            module_database_url,
            more=PULLED,
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{url}/api/v1/otlp/v1/metrics",
            OTEL_METRIC_EXPORT_INTERVAL="1000",
            LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{subscribers.port}",
        )
        with facade.running(), sending_webhooks(facade, "hubspot"):
            secret = facade.make_key().secret
            (folder / "key").write_text(secret, "utf-8")
            targets = [process.url.removeprefix("http://") for process in (facade.api, facade.worker)]
            (folder / "targets.json").write_text(json.dumps([{"targets": targets}]), "utf-8")
            prometheus = Prometheus(url)
            until(lambda: len(prometheus.ask('up{job="lockstitch"} == 1')) == 2)
            with facade.calling() as caller:
                made = a_little_of_everything(facade, caller, subscribers)
                # A rate needs a second count by the same process: the first one may be the first sample.
                until(lambda: prometheus.ask(READS))
                assert caller.get(f"/v1/customers/{made['id']}").status_code == 200
            yield prometheus
        subscribers.close()


def a_little_of_everything(facade: Facade, caller: Caller, subscribers: SubscriberServer) -> dict[str, Any]:
    """Writes, webhooks, a delivery that fails at first, a refused webhook and credential, and a dead letter. Return the
    first customer."""
    hook = subscribers.hook("dashboard").then(Answer(status=503))
    subscribe(caller, hook, "customer.*", connection="hubspot")
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    caller.create("/v1/tickets", ticket("zendesk"))
    facade.sql("DELETE FROM record_state WHERE remote_id = $1", made["meta"]["remote_id"])
    caller.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": "Engineer"})
    hook.received(1)
    httpx.post(f"{facade.api.url}/v1/webhooks/hubspot", json=[{}])
    caller.get("/v1/customers/refused:1")
    facade.sql(
        """INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id,
                                    enqueued_at, category, reason)
           VALUES ('dl_dashboard', 0, 'ingest', 'hubspot', 8, 'skip', '', 'dashboard', now(), 'permanent', 'no')"""
    )
    facade.sql(
        """INSERT INTO job (kind, connection, state, run_at, max_attempts, dead_head, payload, correlation_id)
           VALUES ('dashboard', 'dashboard', 'ready', now() + interval '1 day', 8, 'skip', '', 'dashboard')"""
    )
    return made


def test_what_is_pushed_is_what_is_scraped(prometheus: Prometheus) -> None:
    """Each process by both ways: series that have just begun reach Prometheus by one of them first."""

    def differing() -> set[Labels]:
        pushed = prometheus.series("lockstitch-api") | prometheus.series("lockstitch-worker")
        return pushed ^ prometheus.series("lockstitch")

    assert until(differing, lambda differences: not differences) == set()
    assert len(prometheus.series("lockstitch-api")) > 300


def test_the_shipped_rules_are_evaluated_without_an_error(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        (group,) = prometheus.get("rules")["groups"]
        return group["rules"]

    evaluated = until(rules, lambda loaded: all(rule["health"] != "unknown" for rule in loaded))
    assert {rule["health"] for rule in evaluated} == {"ok"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_returns_data(prometheus: Prometheus, query: str) -> None:
    """With the variables as they are at first."""
    expression = query.replace("$__rate_interval", "5m").replace("$job", ".+")
    assert "$" not in expression
    until(lambda: prometheus.ask(expression))
