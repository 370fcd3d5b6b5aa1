"""Vendors that are slow, busy, broken, or changed overnight: what the caller gets, and what happens later."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import VENDORS, Facade
from tests.contract.samples import KINDS, Kind, customer, word
from tests.contract.waiting import until

READ_PATHS = {"hubspot": "/crm/v3/objects/contacts*", "shopify": "/admin/api/", "zendesk": "/api/v2/users*"}


def person(caller: Caller, connection: str, vendor: Vendor) -> str:
    """The path of a customer, under a connection that failures may pause."""
    made = caller.create(f"/v1/customers?connection={connection}", customer(vendor))
    return f"/v1/customers/{made['id']}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_hiccup_is_not_noticed(caller: Caller, vendors: Emulators, vendor: Vendor) -> None:
    path = person(caller, f"frail-{vendor}", vendor)
    hiccups: list[tuple[str, dict[str, Any]]] = [
        ("status", {"status": 503}),
        ("reset", {}),
        ("html_body", {"status": 502}),
    ]
    for kind, facts in hiccups:
        vendors.break_(vendor, kind, times=2, **facts)
        assert caller.get(path).status_code == 200
        assert vendors.standing_faults() == []


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("kind", "facts"),
    [("status", {"status": 500}), ("status", {"status": 503}), ("reset", {}), ("html_body", {"status": 502})],
)
def test_a_vendor_that_stays_down(
    caller: Caller, vendors: Emulators, vendor: Vendor, kind: str, facts: dict[str, Any]
) -> None:
    path = person(caller, f"frail-{vendor}", vendor)
    vendors.break_(vendor, kind, path=READ_PATHS[vendor], times=3, **facts)
    answer = expect(caller.get(path), 503, "vendor-unavailable").json()
    assert answer["retryable"] is True
    assert (answer["category"], answer["fault"]) == ("transient", "vendor")
    assert answer["vendor"]["connection"] == f"frail-{vendor}"
    assert caller.get(path).status_code == 200


@pytest.mark.parametrize("vendor", VENDORS)
def test_html_in_place_of_a_record(caller: Caller, vendors: Emulators, vendor: Vendor) -> None:
    """A login page or a maintenance page at 200 is no record, no success, and no new shape of the vendor's data."""
    path = person(caller, f"frail-{vendor}", vendor)
    vendors.break_(vendor, "html_body", path=READ_PATHS[vendor], times=3, status=200)
    answer = expect(caller.get(path), 503, "vendor-unavailable")
    assert answer.json()["retryable"] is True
    assert "<html" not in answer.text
    assert caller.get(path).status_code == 200


def test_a_vendor_that_never_answers(caller: Caller, vendors: Emulators) -> None:
    """The record is read before it is changed; no answer to that read means that nothing was changed."""
    path, key = person(caller, "frail-hubspot", "hubspot"), new_key()
    vendors.break_("hubspot", "slow", method="GET", path=READ_PATHS["hubspot"], delay_ms=10_000, times=3)
    answer = expect(caller.write("PATCH", path, {"job_title": "Potter"}, key=key), 504, "vendor-timeout").json()
    assert answer["retryable"] is True
    vendors.mend()
    again = caller.write("PATCH", path, {"job_title": "Potter"}, key=key)
    assert (again.status_code, again.json()["job_title"]) == (200, "Potter")
    assert "idempotent-replayed" not in again.headers


def test_writes_that_fail_stop_no_reads_and_one_probe_lets_all_of_them_go(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    contacts, name = READ_PATHS["hubspot"], "frail-hubspot"
    path, at_once = f"/v1/customers?connection={name}", {"prefer": "wait=30"}
    caller.get(f"{path}&limit=1")

    def failing() -> dict[str, Any]:
        (state,) = [one for one in caller.get("/ops/connections").json()["data"] if one["name"] == name]
        return state if state["state"] == "failing" else {}

    def create(**headers: str) -> httpx.Response:
        with Caller(caller.url, caller.secret) as own:
            return own.write("POST", path, customer("hubspot"), headers=at_once | headers)

    vendors.break_("hubspot", "status", method="POST", path=contacts, status=503, times=None)
    for _ in range(5):
        caller.write("POST", path, customer("hubspot"), headers={"prefer": "wait=0"})
    assert until(failing)["note"] == "writes keep failing"
    assert failing()["next_step"].startswith("Wait: it is retried automatically.")
    assert re.search(rf"{name} .* failing .*keep", facade.lockstitch("connections").stdout)
    for _ in range(3):
        assert caller.get(f"{path}&limit=1").status_code == 200
    # One that comes after the pause probes, and makes it longer.
    expect(until(lambda: create(prefer="wait=0"), lambda answer: answer.status_code != 202), 503, "connection-paused")

    vendors.mend()
    vendors.break_("hubspot", "slow", method="POST", path=contacts, delay_ms=700)
    if pause_ends := failing().get("until"):
        left = datetime.fromisoformat(pause_ends) - datetime.now(UTC)
        time.sleep(max(0.0, left.total_seconds() + 0.1))
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: create(), range(20)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]


def test_a_vendor_that_is_not_there(caller: Caller) -> None:
    key = new_key()
    for _ in range(3):
        answer = caller.write("POST", "/v1/customers?connection=gone", customer("hubspot"), key=key)
        assert code_of(answer, 503) in ("vendor-unavailable", "connection-paused")
    answer = expect(caller.get("/v1/customers/gone:1"), 503, "connection-paused")
    assert answer.json()["category"] == "transient"


def test_a_bad_credential_pauses_the_connection(caller: Caller, vendors: Emulators) -> None:
    answer = expect(caller.get("/v1/customers/barred:1"), 502, "vendor-auth-failed")
    assert (answer.json()["category"], answer.json()["fault"]) == ("auth", "vendor")
    calls = len(vendors.calls("hubspot"))
    for answer in (caller.get("/v1/customers/barred:1"), caller.get("/v1/customers?connection=barred")):
        assert code_of(answer, 503) == "connection-paused"
        assert answer.json()["category"] == "auth"
    key = new_key()
    answer = caller.write("POST", "/v1/customers?connection=barred", customer("hubspot"), key=key)
    assert code_of(answer, 503) == "connection-paused"
    assert len(vendors.calls("hubspot")) == calls
    # Nothing was sent, so the key is free for another try elsewhere.
    assert caller.write("POST", "/v1/customers", customer("hubspot"), key=key).status_code == 201


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_throttled_read(caller: Caller, vendors: Emulators, vendor: Vendor) -> None:
    path = person(caller, f"busy-{vendor}", vendor)
    vendors.break_(vendor, "status", path=READ_PATHS[vendor], status=429, retry_after=60, times=1)
    answer = expect(caller.get(path), 429, "vendor-throttled")
    assert answer.json()["category"] == "throttle"
    assert 50 <= int(answer.headers["retry-after"]) <= 60
    # The whole connection waits, not this call alone; others keep their speed.
    assert code_of(caller.get(f"/v1/customers?connection=busy-{vendor}"), 429) == "vendor-throttled"
    assert caller.get(f"/v1/customers?connection={vendor}&limit=1").status_code == 200


@pytest.mark.parametrize("name", KINDS)
def test_a_throttled_write_is_taken_and_done_later(caller: Caller, vendors: Emulators, name: str) -> None:
    kind, mark, key = KINDS[name], word(), new_key()
    body = kind.sample(mark)
    caller.create(kind.collection, kind.sample())
    vendors.break_(kind.connection, "status", method="POST", path=path_of(kind), status=429, retry_after=1, times=5)
    answer = expect(caller.write("POST", kind.collection, body, key=key, headers={"prefer": "wait=0"}), 202)
    assert answer.headers["preference-applied"] == "wait=0"
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    expect(caller.write("POST", kind.collection, body, key=key), 201)
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


def test_a_later_refusal_shows_in_the_operation(caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", body)
    vendors.break_("hubspot", "status", method="POST", path=READ_PATHS["hubspot"], status=429, retry_after=1, times=5)
    answer = caller.write("POST", "/v1/customers", body, key=key, headers={"prefer": "wait=0"})
    vendors.mend()
    operation = caller.settled(answer)
    assert operation["state"] == "failed"
    assert operation["problem"]["code"] == "duplicate-record"
    assert operation["problem"]["correlation_id"] == answer.headers["x-correlation-id"]
    again = expect(caller.write("POST", "/v1/customers", body, key=key), 409, "duplicate-record")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == operation["problem"]


def path_of(kind: Kind) -> str:
    """The vendor's path that creates such a record."""
    paths = {"hubspot": f"/crm/v3/objects/{kind.held_as}", "zendesk": f"/api/v2/{kind.held_as}"}
    return paths.get(kind.connection, "/admin/api/")


def test_waiting_not_at_all_for_ones_own_write(caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    answer = caller.write("POST", "/v1/customers", body, key=key, headers={"prefer": "wait=0"})
    vendors.mend()
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=0"
    operation = caller.settled(answer)
    assert operation["state"] == "succeeded"
    assert operation["result"]["emails"][0]["address"] == body["emails"][0]["address"]
    assert caller.write("POST", "/v1/customers", body, key=key).headers["location"].endswith(operation["result"]["id"])


@pytest.mark.parametrize(
    ("sent", "applied"),
    [
        ("wait=5", "wait=5"),
        ("wait=99", "wait=30"),
        ('respond-async, wait="3"', "respond-async, wait=3"),
        ("Wait=2;x=y", "wait=2"),
        ("wait=1, wait=9", "wait=1"),
        *((ignored, None) for ignored in ("handling=strict", "wait=soon", "wait", "wait=-1", "")),
    ],
)
def test_preferences(caller: Caller, sent: str, applied: str | None) -> None:
    answer = expect(caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": sent}), 201)
    assert answer.headers.get("preference-applied") == applied


@pytest.mark.parametrize("connection", ["hubspot", "shopify", "zendesk"])
def test_a_missing_permission_is_for_an_operator_to_grant(
    caller: Caller, vendors: Emulators, connection: Vendor
) -> None:
    path = "/v1/orders" if connection == "shopify" else "/v1/tickets"
    caller.get(f"{path}?connection={connection}&limit=1")  # facts about the account
    vendors.break_(connection, "status", status=403)
    answer = expect(caller.get(f"{path}?connection={connection}&limit=1"), 422, "unsupported-action").json()
    assert answer["vendor"]["status"] == 403
    assert "operator" in answer["next_step"]
