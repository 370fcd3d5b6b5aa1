"""The shipped alert rules and dashboard name metrics that are served, with labels that they have."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.contract.callers import Caller, code_of
from tests.contract.emulators import Emulators
from tests.contract.exports import LEGACY
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS, Process
from tests.contract.samples import customer
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

RULES = Path(__file__).resolve().parents[2] / "docs" / "alerts" / "lockstitch.rules.yml"
DASHBOARD = RULES.parents[2] / "deploy" / "grafana" / "lockstitch.json"
CASES = sorted(RULES.parent.glob("*.test.yml"))
LIMITED = """
[connections.hubspot.pull.customers]
every = "5m"
[ownership.customers]
freshness_seconds = 900
"""
# What alarms name of Prometheus itself.
FOREIGN = {"up", "ALERTS"}
# The labels that it adds to everything that it scrapes.
ADDED = {"instance", "job"}
WORDS = {"histogram_quantile", "vector", "sum", "max", "min", "by", "rate", "increase", "or", "and", "unless", "for"}
SELECTOR = re.compile(r"""([A-Za-z_:][A-Za-z0-9_:]*)\s*(\{(?:[^}"]|"[^"]*")*\})?""")
GROUPING = re.compile(r"\bby\s*\(([^)]*)\)")
COUNTED = re.compile(r"(?:rate|increase)\(([a-z_]+)(?:\{([^}]*(?:\{[^}]*\}[^}]*)*)\})?\[")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return group["rules"]


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that an expression names, with the labels that it is chosen by."""
    without_groups = GROUPING.sub(" ", expression)
    without_ranges = re.sub(r"\[[0-9]+[smhd]\]|\[\$__rate_interval\]|\boffset [0-9]+d\b", " ", without_groups)
    for name, braces in SELECTOR.findall(without_ranges):
        if name not in WORDS:
            yield name, set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", braces))


def grouped_by(expression: str) -> set[str]:
    return {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")}


def samples_of(process: Process, key: str) -> list[Sample]:
    """All that a process serves at `/metrics`."""
    text = httpx.get(f"{process.url}/metrics", headers={"authorization": f"Bearer {key}"}, verify=NO_TLS).text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


@pytest.fixture(scope="module")
def exporting(running_facade: Facade, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration with a connection that takes exports, and one whose data have a freshness limit."""
    file = tmp_path_factory.mktemp("exporting") / "lockstitch.toml"
    file.write_text(running_facade.configuration + LEGACY + LIMITED, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def served(running_facade: Facade, full_key: str, exporting: str) -> dict[str, dict[str, set[str]]]:
    """By metric: the values of each of its labels, on the API and a worker, after a little of everything, and on an API
    that takes exports."""
    facade = running_facade
    with Caller(facade.api.url, full_key) as caller:
        made = caller.create("/v1/customers", customer("hubspot"))
        WebhookDriver(facade, caller).send("hubspot", "customer", "updated", made["meta"]["remote_id"])
        until(lambda: not facade.sql("SELECT 1 FROM job WHERE kind = 'ingest'"))
        facade.vendors.break_("hubspot", "drift", path="/crm/v3/objects/contacts*", times=None, change="type")
        assert caller.get("/v1/customers?connection=hubspot&limit=5").json()["unreadable"]
        facade.vendors.mend()
        assert code_of(caller.get("/v1/customers/refused:1"), 502) == "vendor-auth-failed"
        httpx.post(f"{facade.api.url}/v1/webhooks/nowhere", json={})
    facade.sql(
        """INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id,
                                    enqueued_at, category, reason)
           VALUES ('dl_rules', 0, 'rules', 'hubspot', 8, 'skip', '', 'rules', now(), 'permanent', 'no')"""
    )
    facade.sql(
        """INSERT INTO job (kind, connection, state, run_at, max_attempts, dead_head, payload, correlation_id)
           VALUES ('rules', 'rules', 'ready', now() + interval '1 day', 8, 'skip', '', 'rules')"""
    )
    problems = _every_problem(facade)
    try:
        metrics: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        with facade.another_api(LOCKSTITCH_CONFIG=exporting) as exports:
            for process in (facade.api, facade.worker, exports):
                for sample in samples_of(process, full_key):
                    metrics[sample.name]
                    for label, value in sample.labels.items():
                        metrics[sample.name][label].add(value)
        return metrics
    finally:
        facade.sql("DELETE FROM dead_letter WHERE id = 'dl_rules'")
        facade.sql("DELETE FROM job WHERE kind = 'rules'")
        for table, column in problems:
            facade.sql(f"DELETE FROM {table} WHERE {column} LIKE '%rules'")  # noqa: S608


def _every_problem(facade: Facade) -> list[tuple[str, str]]:
    """A credential, a subscription and a connection with a problem; where they are to be removed."""
    facade.sql(
        "INSERT INTO credential (name, kind, refused_at, refused_why) VALUES ('crm.rules', 'oauth', now(), 'no')"
    )
    facade.sql(
        """INSERT INTO credential_version (credential, version, state, payload)
           VALUES ('crm.rules', 1, 'current', '')"""
    )
    facade.sql(
        """INSERT INTO subscription (id, principal, target_url, digest, events, failing_since)
           VALUES ('sub_rules', 'key_1', '', sha256(''), '{*}', now() - interval '1 hour')"""
    )
    facade.sql(
        """INSERT INTO connection_observation (process, connection, state, since, until)
           SELECT state || 'rules', connection, state, now(), now() + interval '1 hour'
             FROM (VALUES ('pausable', 'throttled'), ('busy-hubspot', 'failing')) AS observed (connection, state)"""
    )
    facade.sql("UPDATE connection_observation SET since = now() - interval '1 hour' WHERE process LIKE '%rules'")
    facade.sql(
        """INSERT INTO webhook_standing (connection, reason, refused, since, refused_at)
           VALUES ('code', 'rules', 3, now() - interval '1 minute', now())
           ON CONFLICT (connection) DO UPDATE
              SET (reason, refused, since, refused_at)
                = (excluded.reason, excluded.refused, excluded.since, excluded.refused_at)"""
    )
    return [
        ("credential", "name"),
        ("subscription", "id"),
        ("connection_observation", "process"),
        ("webhook_standing", "reason"),
    ]


def test_what_has_to_raise_an_alarm_has_a_rule() -> None:
    named = {name for rule in rules() for name, _ in selectors(rule["expr"])}
    assert {
        "lockstitch_dead_letters_open",
        "lockstitch_queue_oldest_seconds",
        "lockstitch_queue_lag_seconds",
        "lockstitch_connection_paused",
        "lockstitch_vendor_outcomes_total",
        "lockstitch_operations_open",
        "lockstitch_server_errors_total",
        "lockstitch_worker_seen_seconds",
        "lockstitch_worker_silent_seconds",
        "lockstitch_database_up",
        "lockstitch_audit_unsealed_seconds",
        "lockstitch_uploads_total",
        "lockstitch_uploads_oldest_seconds",
        "lockstitch_database_writable",
        "lockstitch_trouble",
        "lockstitch_freshness_age_seconds",
        "lockstitch_freshness_limit_seconds",
    } <= named


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Lockstitch[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "next_step", "runbook_url"}
    used = set(re.findall(r"\$labels\.([a-z_]+)", str(rule["annotations"])))
    assert used <= grouped_by(rule["expr"]) | {"instance"}
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_names_what_is_served(rule: dict[str, Any], served: dict[str, dict[str, set[str]]]) -> None:
    for name, chosen_by in selectors(rule["expr"]):
        if name in FOREIGN:
            continue
        assert name in served, name
        assert chosen_by | grouped_by(rule["expr"]) <= set(served[name]) | ADDED, name


def test_a_query_of_the_dashboard_names_what_is_served(served: dict[str, dict[str, set[str]]]) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    for query in [target["expr"] for panel in panels for target in panel["targets"]]:
        named = [(name, chosen_by) for name, chosen_by in selectors(query) if name not in FOREIGN]
        assert {name for name, _ in named} <= set(served)
        for name, chosen_by in named:
            assert chosen_by | grouped_by(query) <= set(served[name]) | ADDED | {"le"}, query


def test_the_values_that_rules_choose_by_are_real(served: dict[str, dict[str, set[str]]], vendors: Emulators) -> None:
    assert "/v1/webhooks/{connection}" in served["lockstitch_server_errors_total"]["http_route"]
    assert {"success", "auth"} <= served["lockstitch_vendor_outcomes_total"]["outcome"]
    assert "unknown" in served["lockstitch_operations_open"]["phase"]
    assert served["lockstitch_connection_paused"]["reason"] == {"account", "auth", "operator"}
    problems = {"throttled", "failing", "webhooks", "undelivered", "refused"}
    assert problems <= served["lockstitch_trouble"]["problem"]
    assert {"pausable", "busy-hubspot", "code", "sub_rules", "crm.rules"} <= served["lockstitch_trouble"]["name"]
    assert served["lockstitch_uploads_total"]["outcome"] == {"recorded", "refused"}
    assert served["lockstitch_uploads_oldest_seconds"]["connection"] == {"legacy"}
    assert "drift" in served["lockstitch_mapping_refusals_total"]["reason"]


def test_what_a_rule_counts_begins_at_zero(running_facade: Facade, full_key: str, exporting: str) -> None:
    """A series whose first sample is 1 has no increase, so the rule would miss the first occurrence."""
    worker = running_facade.process("worker")
    worker.start()
    try:
        with running_facade.another_api(LOCKSTITCH_CONFIG=exporting) as api:
            fresh = samples_of(api, full_key) + samples_of(worker, full_key)
    finally:
        worker.stop()
    silent = [
        (rule["alert"], name, matchers)
        for rule in rules()
        for name, matchers in COUNTED.findall(rule["expr"])
        for chosen in alternatives(matchers)
        if not any(sample.name == name and chosen.items() <= sample.labels.items() for sample in fresh)
    ]
    assert silent == []
    routes = {sample.labels["http_route"] for sample in fresh if sample.name == "lockstitch_server_errors_total"}
    assert {"/v1/webhooks/{connection}", "/v1/customers/{id}", "/metrics", "unmatched"} <= routes
    refusals = {sample.labels["mapping"] for sample in fresh if sample.name == "lockstitch_mapping_refusals_total"}
    assert {"hubspot.customer", "shopify.order", "zendesk.ticket"} <= refusals


def alternatives(matchers: str) -> list[dict[str, str]]:
    """Each choice of labels that the matchers of a selector allow: `outcome=~"a|b"` is two."""
    choices: list[dict[str, str]] = [{}]
    for label, values in re.findall(r'([a-z_]+)=~?"([^"]*)"', matchers):
        choices = [{**one, label: value} for one in choices for value in values.split("|")]
    return choices


def test_each_rule_has_a_case_that_is_quiet_and_one_that_fires() -> None:
    """`promtool test rules` runs them in `make check`, where there is a promtool."""
    cases: dict[str, set[bool]] = defaultdict(set)
    for file in CASES:
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in group["alert_rule_test"]:
                cases[case["alertname"]].add(bool(case["exp_alerts"]))
    assert cases == {rule["alert"]: {False, True} for rule in rules()}
