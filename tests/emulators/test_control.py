"""The control interface: what it takes, what it refuses, what it counts."""

from typing import Any

import pytest

from tests.contract.callers import expect

from .conftest import RunningEmulators

AUTH = ("dev@example.com/token", "zendesk-dev-token")
TICKETS = "/zendesk/api/v2/tickets"
STATUS = {"kind": "status", "status": 500}


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"vendor": "acme", "fault": STATUS},
        {"vendor": "zendesk", "fault": {"kind": "meteor"}},
        {"vendor": "zendesk", "fault": {"kind": "status"}},
        {"vendor": "zendesk", "fault": {"kind": "status", "status": 42}},
        {"vendor": "zendesk", "fault": {"kind": "drift", "change": "colour"}},
        {"vendor": "zendesk", "fault": {"kind": "slow", "delay_ms": -1}},
        {"vendor": "zendesk", "fault": STATUS, "times": 0},
        {"vendor": "zendesk", "fault": STATUS, "rate": 1.5},
        {"vendor": "zendesk", "fault": STATUS, "times": 1, "rate": 0.5},
        {"vendor": "zendesk", "fault": STATUS, "match": {"header": "x"}},
        {"vendor": "zendesk", "fault": STATUS, "colour": "red"},
    ],
)
def test_a_bad_order_gets_400_and_a_sentence(emulators: RunningEmulators, order: dict[str, Any]) -> None:
    answer = expect(emulators.http.post("/_emulator/faults", json=order), 400).json()
    assert answer["error"].endswith(".")
    assert emulators.http.get("/_emulator/faults").json() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", b"\xff{"),
        ("POST", "/records", b'{"vendor":"zendesk","object":"comets","record":{}}'),
        ("POST", "/limits", b'{"vendor":"zendesk"}'),
        ("POST", "/limits", b'{"vendor":"zendesk","per_minute":-1}'),
        ("POST", "/reset", b'{"vendor":"acme"}'),
        ("GET", "/records?vendor=zendesk&object=comets", b""),
        ("GET", "/records?object=users", b""),
        ("GET", "/calls?vendor=acme", b""),
        ("GET", "/calls?limit=many", b""),
    ],
)
def test_bad_input_gets_400(emulators: RunningEmulators, method: str, path: str, body: bytes) -> None:
    answer = expect(emulators.http.request(method, f"/_emulator{path}", content=body), 400).json()
    assert "error" in answer


def test_unknown_places_get_404_and_wrong_methods_405(emulators: RunningEmulators) -> None:
    assert emulators.http.get("/_emulator/weather").status_code == 404
    assert emulators.http.get("/acme/x").status_code == 404
    assert emulators.http.get("/").status_code == 404
    assert emulators.http.put("/_emulator/faults").status_code == 405


def test_calls_are_recorded_with_what_was_sent_and_answered(emulators: RunningEmulators) -> None:
    body = {"ticket": {"subject": "Lamp", "comment": {"body": "Too bright"}}}
    emulators.http.post(TICKETS, json=body, auth=AUTH, headers={"Idempotency-Key": "lamp-1"})
    emulators.http.get(f"{TICKETS}?page[size]=2&include=users", auth=AUTH)
    emulators.http.post(TICKETS, content=b"not json", auth=AUTH)
    created, listed, broken = emulators.calls("zendesk")
    assert created.pop("at") > 0
    assert created == {
        "vendor": "zendesk",
        "method": "POST",
        "path": "/api/v2/tickets",
        "query": [],
        "status": 201,
        "idempotency_key": "lamp-1",
        "body": body,
    }
    assert listed["query"] == [["page[size]", "2"], ["include", "users"]]
    assert (listed["status"], listed["body"]) == (200, None)
    assert (broken["status"], broken["body"]) == (422, "not json")
    newest = emulators.http.get("/_emulator/calls", params={"limit": 1}).json()
    assert [call["status"] for call in newest] == [422]


def test_a_long_body_is_capped_in_the_record(emulators: RunningEmulators) -> None:
    body = {"ticket": {"subject": "Novel", "comment": {"body": "x" * 50_000}}}
    assert emulators.http.post(TICKETS, json=body, auth=AUTH).status_code == 201
    recorded = emulators.calls("zendesk")[-1]["body"]
    assert isinstance(recorded, str)
    assert len(recorded) == 16_384


def test_placed_records_are_served_and_counted(emulators: RunningEmulators) -> None:
    placed = emulators.place("zendesk", "tickets", {"subject": "Placed", "status": "pending", "x_unknown": [1]})
    served = emulators.http.get(f"{TICKETS}/{placed['id']}", auth=AUTH).json()["ticket"]
    assert served == placed
    assert served["x_unknown"] == [1]
    counted = emulators.http.get("/_emulator/records", params={"vendor": "zendesk", "object": "tickets"}).json()
    assert counted == {"count": 1, "records": [placed]}


def test_a_reset_forgets_all_but_gives_no_id_twice(emulators: RunningEmulators) -> None:
    first = emulators.place("zendesk", "tickets", {"subject": "One"})
    emulators.order(vendor="zendesk", fault=STATUS)
    emulators.limit("zendesk", per_minute=5)
    assert emulators.http.post("/_emulator/reset", json={"vendor": "zendesk"}).status_code == 200
    assert emulators.records("zendesk", "tickets") == []
    assert emulators.calls("zendesk") == []
    answer = expect(emulators.http.get("/zendesk/api/v2/users/me", auth=AUTH))
    assert answer.headers["ratelimit-limit"] == "100000"
    assert emulators.place("zendesk", "tickets", {"subject": "Two"})["id"] > first["id"]


def test_a_limit_throttles_within_its_minute(emulators: RunningEmulators) -> None:
    emulators.limit("zendesk", per_minute=3)
    answers = [emulators.http.get("/zendesk/api/v2/users/me", auth=AUTH) for _ in range(5)]
    statuses = [answer.status_code for answer in answers]
    # The minute of the clock may turn in between; then the count begins anew and none is refused.
    turned = ([200] * 5, [200, 200, 200, 200, 429], [200, 200, 200, 429, 200])
    assert statuses in ([200, 200, 200, 429, 429], *turned)
    assert answers[0].headers["ratelimit-remaining"] == "2"
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.headers["ratelimit-remaining"] == "0"


def test_health_names_the_vendors(emulators: RunningEmulators) -> None:
    health = emulators.http.get("/_emulator/health").json()
    assert health["status"] == "ok"
    assert "zendesk" in health["vendors"]
