"""What Lockstitch tells about itself: contracts, problems, health, metrics."""

import re
from typing import Any

import httpx
import pytest

from app.errors import CATALOGUE
from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer, word

REVISIONS = {"hubspot.customer": 2}  # where the newest released one is not the first
OBJECTS = {
    "customer": {"hubspot", "shopify", "zendesk"},
    "order": {"hubspot", "shopify"},
    "ticket": {"hubspot", "zendesk"},
}
# The contract's table, less what comes with later issues.
TABLE = {
    *("malformed-body", "invalid-correlation-id", "idempotency-key-missing", "idempotency-key-invalid"),
    *("unauthenticated", "forbidden", "not-found", "method-not-allowed", "not-acceptable", "body-too-large"),
    *("unsupported-media-type", "invalid-field", "unsupported-field", "unsupported-action", "idempotency-key-reused"),
    *("idempotency-in-progress", "outcome-unknown", "duplicate-record", "version-conflict", "rate-limited"),
    *("vendor-throttled", "vendor-rejected", "vendor-auth-failed", "vendor-unavailable", "vendor-timeout"),
    *("vendor-drift", "connection-paused", "internal"),
}


def test_the_contracts(caller: Caller) -> None:
    listed = caller.get("/v1/contracts").json()
    assert [one["object"] for one in listed["data"]] == list(OBJECTS)
    for one in listed["data"]:
        assert caller.get(one["url"]).json()["object"] == one["object"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_contract_lists_what_each_connection_supports(caller: Caller, name: str) -> None:
    document = caller.get(f"/v1/contracts/{name}").json()
    assert {one["vendor"] for one in document["connections"].values()} == OBJECTS[name]
    assert {"meta", "id"} <= document["schema"]["properties"].keys()
    assert not {"meta", "id"} & document["write_schema"]["properties"].keys()
    for one in document["connections"].values():
        assert "create" in one["actions"]
        assert one["mapping"]["revision"] == REVISIONS.get(one["mapping"]["name"], 1)
        assert one["fields"]
    assert sum(one["system_of_record"] for one in document["connections"].values()) == 1


@pytest.mark.parametrize("name", ["comment", "customers", "..", "%2e%2e%2fcustomer", "x" * 500])
def test_a_contract_that_is_not_there(caller: Caller, name: str) -> None:
    assert caller.get(f"/v1/contracts/{name}").status_code == 404


def test_every_row_of_the_table_is_explained() -> None:
    assert CATALOGUE.keys() >= TABLE


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_problem_is_explained_to_people_and_to_programs(anonymous: Caller, code: str) -> None:
    program = anonymous.get(f"/problems/{code}", headers={"accept": "application/json"})
    assert program.headers["content-type"] == "application/json"
    document = program.json()
    assert document["code"] == code
    assert document["meaning"]
    assert document["next_step"]
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    person = anonymous.get(f"/problems/{code}", headers={"accept": browser})
    assert person.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<code>{code}</code>" in person.text
    assert f"HTTP {document['status']}" in person.text


@pytest.mark.parametrize("code", ["nope", "%3Cscript%3E", "not-found%00", "Not-Found"])
def test_a_problem_that_is_none(anonymous: Caller, code: str) -> None:
    assert code_of(anonymous.get(f"/problems/{code}", headers={"accept": "text/html"}), 404) == "not-found"


def test_a_problem_leads_to_its_explanation(anonymous: Caller) -> None:
    answer = anonymous.get("/v1/me")
    assert anonymous.get(answer.json()["type"]).json()["code"] == "unauthenticated"


def test_health(anonymous: Caller, facade: Facade) -> None:
    assert anonymous.get("/health/live").json() == {"status": "ok"}
    for url in (facade.api.url, facade.worker.url):
        health = httpx.get(f"{url}/health/ready", verify=NO_TLS).json()
        assert health["status"] == "ok"
        assert health["worker_seen_seconds_ago"] < 60


def test_the_worker_shows_its_metrics_and_nothing_else(facade: Facade, full_key: str) -> None:
    with facade.calling(url=facade.worker.url, secret=full_key) as caller:
        assert "lockstitch_operations_open" in caller.get("/metrics").text
        assert code_of(caller.get("/v1/customers"), 404) == "not-found"


def test_metrics_hold_names_of_ours_only(caller: Caller) -> None:
    mark = word()
    made = caller.create("/v1/customers", customer("hubspot", mark), headers={"x-correlation-id": f"run-{mark}"})
    caller.get("/v1/customers", params={"email": f"{mark}@example.com"})
    caller.get(f"/v1/customers/{made['id']}")
    caller.get(f"/nowhere/{mark}@example.com")
    caller.request("FROB", f"/v1/customers/{mark}")
    answer = caller.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert not re.search(r"[^ \"]@[^ \"]", answer.text)
    for private in (mark, made["id"], made["meta"]["remote_id"], "FROB", caller.secret):
        assert str(private) not in answer.text
    assert 'http_route="/v1/customers/{id}"' in answer.text


@pytest.mark.parametrize(
    "body", [{"first_name": "<script>alert(1)</script>"}, {"emails": [{"address": "<b>@example.com"}]}, {"<i>": 1}]
)
def test_what_a_caller_sent_is_echoed_as_json_only(caller: Caller, body: dict[str, Any]) -> None:
    answer = caller.write("POST", "/v1/customers", body, headers={"accept": "application/json, text/html"})
    assert answer.headers["content-type"] in ("application/json", "application/problem+json")
