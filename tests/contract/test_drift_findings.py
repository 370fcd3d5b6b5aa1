"""A vendor's overnight change is found once, reported, counted, and handled by the connection's rules."""

import json
import re
from typing import Any

from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import KINDS, Kind, customer, ticket
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

PATHS = {"hubspot": "/crm/v3/objects/", "shopify": "/admin/api/", "zendesk": "/api/v2/"}
LEARNED_FROM = 3
RULES = f"""
[drift]
sample_rate = 1.0
learn_records = {LEARNED_FROM}

[[connections.busy-zendesk.drift]]
path = "$..*"
policy = "reject"

[[connections.frail-zendesk.drift]]
path = "$.sentiment"
objects = ["tickets"]
policy = "discard"

[[connections.frail-hubspot.drift]]
path = "$.recordVersion"
policy = "freeze"
"""

running_facade, full_key = own_facade(more=RULES)


def drift(facade: Facade, vendor: str, change: str) -> None:
    assert vendor in PATHS
    facade.vendors.break_(vendor, "drift", path=PATHS[vendor], times=None, change=change)  # type: ignore[arg-type]


def learned(facade: Facade, connection: str, mapping: str, source: str = "record") -> None:
    """Wait for the baseline; the caller has shown enough."""
    question = """SELECT 1 FROM drift_baseline
                   WHERE (connection, mapping, source) = ($1, $2, $3) AND learned_at IS NOT NULL"""
    until(lambda: facade.sql(question, connection, mapping, source))


def known_record(facade: Facade, caller: Caller, kind: Kind, connection: str, body: dict[str, Any]) -> str:
    """The path of a new record that was read often enough to be known."""
    made = caller.create(f"{kind.path}?connection={connection}", body)
    path = f"{kind.path}/{made['id']}?connection={connection}"
    for _ in range(LEARNED_FROM):
        assert caller.get(path).status_code == 200
    learned(facade, connection, made["meta"]["mapping"]["name"])
    return path


def findings(caller: Caller, **filters: str) -> list[dict[str, Any]]:
    return expect(caller.get("/ops/drift", params={"limit": "250", **filters})).json()["data"]


def finding(caller: Caller, connection: str, mapping: str, kind: str, path: str | None = None) -> dict[str, Any]:
    """The finding of one change, once it is there."""

    def look() -> list[dict[str, Any]]:
        return [
            one
            for one in findings(caller, connection=connection, kind=kind)
            if one["mapping"] == mapping and path in (None, one["path"])
        ]

    one, *_ = until(look)
    return dict(one)


def events_about(caller: Caller, of: dict[str, Any]) -> list[dict[str, Any]]:
    """The Events about a finding."""
    events = caller.get("/v1/events", params={"type": "mapping.drift_detected", "limit": "250"}).json()["data"]
    return [event for event in events if event["data"]["id"] == of["id"]]


def test_a_repeated_finding_is_counted_but_not_reported_again(facade: Facade, caller: Caller) -> None:
    path = known_record(facade, caller, KINDS["hubspot customer"], "busy-hubspot", customer("hubspot"))
    drift(facade, "hubspot", "field")
    caller.get(path)
    first = finding(caller, "busy-hubspot", "hubspot.customer", "unknown_field")
    for _ in range(3):
        caller.get(path)
    again = until(
        lambda: [
            one
            for one in findings(caller, connection="busy-hubspot")
            if one["id"] == first["id"] and one["count"] >= first["count"] + 3
        ]
    )[0]
    assert (again["first_seen"], again["example"]) == (first["first_seen"], "0")
    assert again["last_seen"] > first["last_seen"]
    assert len(events_about(caller, first)) == 1


def test_nothing_of_a_person_is_in_a_finding(facade: Facade, caller: Caller) -> None:
    path = known_record(facade, caller, KINDS["zendesk customer"], "zendesk", customer("zendesk"))
    drift(facade, "zendesk", "type")
    caller.get(path)
    finding(caller, "zendesk", "zendesk.customer", "changed_type")
    rows = facade.sql("SELECT * FROM drift_finding") + facade.sql("SELECT * FROM drift_known")
    assert len(rows) > 1
    assert not re.search(r"example\.com|Ada", json.dumps([*rows], default=str))


def test_what_a_rule_discards_is_no_finding(facade: Facade, caller: Caller) -> None:
    path = known_record(facade, caller, KINDS["zendesk ticket"], "frail-zendesk", ticket("zendesk"))
    drift(facade, "zendesk", "field")
    assert caller.get(path).status_code == 200
    facade.vendors.mend()
    drift(facade, "zendesk", "enum")
    assert caller.get(path).status_code == 200
    finding(caller, "frail-zendesk", "zendesk.ticket", "new_enum_value", "$.status")  # which was looked at later
    assert not findings(caller, connection="frail-zendesk", kind="unknown_field")


def test_what_a_rule_freezes_raises_an_alarm_until_it_is_acknowledged(facade: Facade, caller: Caller) -> None:
    path = known_record(facade, caller, KINDS["hubspot ticket"], "frail-hubspot", ticket("hubspot"))
    drift(facade, "hubspot", "field")
    assert caller.get(path).status_code == 200
    frozen = finding(caller, "frail-hubspot", "hubspot.ticket", "unknown_field")
    assert frozen["policy"] == "freeze"
    until(lambda: "at frozen or rejected paths" in facade.worker.log)

    answer = expect(caller.post(f"/ops/drift/{frozen['id']}/acknowledge")).json()
    assert answer["acknowledged_by"]
    assert code_of(caller.post(f"/ops/drift/{frozen['id']}/acknowledge"), 409) == "state-conflict"
    (entry,) = caller.get("/ops/audit", params={"record": frozen["id"], "type": "drift.acknowledged"}).json()["data"]
    assert entry["facts"]["path"] == "$.recordVersion"
    assert frozen["id"] not in [one["id"] for one in findings(caller, acknowledged="false")]
    assert frozen["id"] in [one["id"] for one in findings(caller, acknowledged="true")]


def test_what_a_rule_rejects_is_refused_until_it_is_acknowledged(facade: Facade, caller: Caller) -> None:
    driver = WebhookDriver(facade, caller)
    kind, connection = KINDS["zendesk ticket"], "busy-zendesk"
    path = known_record(facade, caller, kind, connection, ticket("zendesk"))
    remote_id = caller.get(path).json()["meta"]["remote_id"]

    drift(facade, "zendesk", "field")
    answer = expect(caller.get(path), 502, "vendor-drift").json()
    assert "$.sentiment" in answer["detail"]
    assert "acknowledges the change" in answer["next_step"]
    listed = caller.get(f"/v1/tickets?connection={connection}&limit=5").json()
    assert listed["data"] == []
    assert {one["pointer"] for one in listed["unreadable"]} == {"/sentiment"}
    caller.create(f"/v1/tickets?connection={connection}", ticket("zendesk"))  # what is done is done
    receipt = driver.record(connection, "zen:event-type:ticket.subject_changed", "ticket", remote_id)
    letter = driver.dead_letter_of(receipt)
    assert (letter["category"], letter["path"]) == ("permanent", "$.sentiment")
    advice = caller.get(f"/ops/dead-letters/{letter['id']}").json()["next_steps"]
    assert "correct it at the vendor" not in str(advice)

    rejected = finding(caller, connection, "zendesk.ticket", "unknown_field", "$.sentiment")
    assert rejected["policy"] == "reject"
    assert "drift" in {one["name"] for one in json.loads(facade.lockstitch("status", "--json").stdout)["alarms"]}
    assert caller.post(f"/ops/drift/{rejected['id']}/acknowledge").status_code == 200
    assert caller.get(path).status_code == 200
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert driver.is_quiet(receipt)


def test_webhooks_have_a_baseline_of_their_own(facade: Facade, caller: Caller) -> None:
    driver, topic = WebhookDriver(facade, caller), "zen:event-type:user.name_changed"
    made = caller.create("/v1/customers?connection=busy-zendesk", customer("zendesk"))
    remote_id = made["meta"]["remote_id"]

    def webhook(**more: Any) -> str:
        body = {"account_id": 22129848, "detail": {"id": remote_id, "plan": None} | more, "id": "x", "type": topic}
        rest = {"subject": f"zen:user:{remote_id}", "time": "2026-11-25T10:29:58Z", "event": {}}
        payload = json.dumps(body | rest).encode()
        return driver.record("busy-zendesk", topic, "user", remote_id, payload=payload)

    for _ in range(LEARNED_FROM):
        assert driver.is_quiet(webhook())
    learned(facade, "busy-zendesk", "zendesk.customer", "webhook")
    assert driver.is_quiet(webhook(plan="gold"))  # it was there before, as null

    letter = driver.dead_letter_of(webhook(mood="sunny"))
    assert (letter["category"], letter["path"]) == ("permanent", "$.detail.mood")
    drifted = finding(caller, "busy-zendesk", "zendesk.customer", "unknown_field", "$.detail.mood")
    assert (drifted["source"], drifted["example"]) == ("webhook", '"xxxxx"')


def test_findings_are_for_operators(facade: Facade) -> None:
    with facade.calling("customers:read") as anonymous:
        assert code_of(anonymous.get("/ops/drift"), 403) == "forbidden"
    with facade.calling("ops:read") as reader:
        assert reader.get("/ops/drift?limit=1").status_code == 200
        assert code_of(reader.post("/ops/drift/drf_1/acknowledge"), 403) == "forbidden"
        assert code_of(reader.get("/ops/drift/drf_1"), 404) == "not-found"
        assert code_of(reader.get("/ops/drift?kind=new&acknowledged=maybe&cursor=x"), 422) == "invalid-field"
