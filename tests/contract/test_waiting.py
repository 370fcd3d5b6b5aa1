"""`Prefer: wait=N` bounds every call, and no call waits for a vendor if the answer is known."""

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import HELD_MS, Emulators
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.samples import customer, ticket, word

CONTACTS: Final = "/crm/v3/objects/contacts"
PATIENT: Final = {"LOCKSTITCH_OPERATION_LEASE": "90"}
SOON: Final = 30.0
"""Seconds within which an answer comes that does not wait for the vendor, on a busy machine too. Less than the vendor
hangs, and than a call without `Prefer: wait` waits at a patient API."""


@pytest.fixture(scope="module")
def fresh(running_facade: Facade) -> Iterator[Process]:
    """A patient API just started. Of each connection that a test uses first it knows no account facts."""
    with running_facade.another_api(**PATIENT) as process:
        yield process


@pytest.fixture
def newcomer(fresh: Process, full_key: str) -> Iterator[Caller]:
    """A caller of the fresh process whose connection to it is open."""
    with Caller(fresh.url, full_key) as calling:
        assert calling.get("/v1/me").status_code == 200
        yield calling


@pytest.fixture(scope="module")
def patient_api(running_facade: Facade) -> Iterator[Process]:
    """A patient API that knows the account facts by and by."""
    with running_facade.another_api(**PATIENT) as process:
        yield process


@pytest.fixture
def patient(patient_api: Process, full_key: str) -> Iterator[Caller]:
    """A caller of the patient API."""
    with Caller(patient_api.url, full_key) as calling:
        yield calling


def timed(send: Any, *arguments: Any, **options: Any) -> tuple[httpx.Response, float]:
    """An answer, and the seconds that it took."""
    began = time.monotonic()
    return send(*arguments, **options), time.monotonic() - began


def wait(seconds: int) -> dict[str, str]:
    return {"prefer": f"wait={seconds}"}


# ------------------------------------------------------------------- reads


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/{id}",
        "/v1/customers/{id}?include=raw",
        "/v1/customers?connection=frail-hubspot&limit=1",
        "/v1/options/frail-hubspot/ticket/status?max_age=0",
    ],
)
def test_a_read_waits_as_long_as_its_caller_does(patient: Caller, vendors: Emulators, path: str) -> None:
    made = patient.create("/v1/customers?connection=frail-hubspot", customer("hubspot"))
    time.sleep(0.0 if "options" not in path else 5.1)  # lists that came just now are given out to everybody
    vendors.break_("hubspot", "slow", method="GET", times=None, delay_ms=HELD_MS)
    answer, took = timed(patient.get, path.format(id=made["id"]), headers=wait(1))
    assert code_of(answer, 504) == "vendor-timeout"
    assert answer.json()["retryable"] is True
    assert answer.headers["preference-applied"] == "wait=1"
    assert 0.9 < took < SOON


def test_a_read_that_need_not_wait_is_answered_at_once(patient: Caller) -> None:
    made = patient.create("/v1/customers", customer("hubspot"))
    answer = expect(patient.get(f"/v1/customers/{made['id']}", headers={"prefer": "respond-async, wait=20"}))
    assert answer.headers["preference-applied"] == "wait=20"  # a read is never answered later
    assert "preference-applied" not in patient.get(f"/v1/customers/{made['id']}").headers
    answer, took = timed(patient.get, f"/v1/customers/{made['id']}", headers=wait(0))
    assert code_of(answer, 504) == "vendor-timeout"
    assert took < SOON


def test_the_comments_of_a_ticket_are_a_read_too(patient: Caller, vendors: Emulators) -> None:
    made = patient.create("/v1/tickets?connection=frail-zendesk", ticket("zendesk"))
    vendors.break_("zendesk", "slow", method="GET", times=None, delay_ms=HELD_MS)
    answer, took = timed(patient.get, f"/v1/tickets/{made['id']}/comments", headers=wait(1))
    assert code_of(answer, 504) == "vendor-timeout"
    assert took < SOON


def test_a_throttled_read_whose_wait_is_too_short(caller: Caller, vendors: Emulators) -> None:
    path = "/v1/customers?connection=busy-hubspot&limit=1"
    vendors.break_("hubspot", "status", method="GET", status=429, retry_after=3)
    assert code_of(caller.get(path, headers=wait(1)), 429) == "vendor-throttled"
    assert caller.get(path, headers=wait(10)).status_code == 200


def test_a_dry_run_waits_as_long_as_its_caller_does(patient: Caller, vendors: Emulators) -> None:
    made = patient.create("/v1/customers?connection=frail-hubspot", customer("hubspot"))
    mapping = made["meta"]["mapping"]
    dry = {"x-lockstitch-mapping": f"{mapping['name']}@r{mapping['revision']}", "prefer": "respond-async, wait=1"}
    vendors.break_("hubspot", "slow", method="GET", times=None, delay_ms=HELD_MS)
    answer, took = timed(patient.write, "PATCH", f"/v1/customers/{made['id']}", {"job_title": "Potter"}, headers=dry)
    assert code_of(answer, 504) == "vendor-timeout"
    assert answer.headers["preference-applied"] == "wait=1"
    assert took < SOON


# ------------------------------------------------- account facts are not known


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_read_while_account_facts_are_cold(newcomer: Caller, vendors: Emulators, seconds: int) -> None:
    vendors.break_("zendesk", "slow", times=None, delay_ms=HELD_MS)
    answer, took = timed(newcomer.get, "/v1/customers?connection=frail-zendesk&limit=1", headers=wait(seconds))
    assert code_of(answer, 504) == "vendor-timeout"
    assert took < SOON


@pytest.mark.parametrize("prefer", ["wait=0", "wait=1", "respond-async, wait=0"])
def test_a_write_while_account_facts_are_cold(newcomer: Caller, vendors: Emulators, prefer: str) -> None:
    mark = word()
    vendors.break_("hubspot", "slow", times=None, delay_ms=HELD_MS)
    answer, took = timed(
        newcomer.write,
        *("POST", "/v1/customers?connection=frail-hubspot", customer("hubspot", mark)),
        headers={"prefer": prefer},
    )
    assert answer.status_code == 202, answer.text
    assert took < SOON
    vendors.mend()
    assert newcomer.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


@pytest.mark.parametrize("prefer", [None, "respond-async", "wait=0"])
def test_a_settled_key_is_answered_while_account_facts_are_cold(
    caller: Caller, newcomer: Caller, vendors: Emulators, prefer: str | None
) -> None:
    """By a process that has just started, and a vendor that hangs."""
    body, key, path = customer("zendesk"), new_key(), "/v1/customers?connection=busy-zendesk"
    headers = {} if prefer is None else {"prefer": prefer}
    first = expect(caller.write("POST", path, body, key=key), 201)
    vendors.break_("zendesk", "slow", times=None, delay_ms=HELD_MS)
    again, took = timed(newcomer.write, "POST", path, body, key=key, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert took < SOON
    other, took = timed(newcomer.write, "POST", path, customer("zendesk"), key=key, headers=headers)
    assert code_of(other, 422) == "idempotency-key-reused"
    assert took < SOON


def test_a_write_that_is_throttled_before_its_account_is_known_is_taken(newcomer: Caller, vendors: Emulators) -> None:
    mark = word()
    vendors.break_("hubspot", "status", status=429, retry_after=2, times=None)
    answer = newcomer.write("POST", "/v1/customers?connection=busy-hubspot", customer("hubspot", mark), headers=wait(1))
    assert answer.status_code == 202, answer.text
    vendors.mend()
    assert newcomer.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_account_facts_are_checked_on_the_first_write(newcomer: Caller, facade: Facade) -> None:
    """The first write of a process at a connection is refused for the caller, and the key stays free."""
    key = new_key()
    answer = newcomer.write("POST", "/v1/tickets?connection=hubspot", ticket("hubspot", status="nowhere"), key=key)
    assert code_of(answer, 422) == "invalid-field"
    answer = newcomer.write("POST", "/v1/customers?connection=shopify&loss=none", {"job_title": "Potter"}, key=key)
    assert code_of(answer, 422) == "unsupported-field"
    assert facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key) == []


# ----------------------------------------------------- an undecided outcome


def test_a_caller_who_waits_gets_the_answer_after_a_lost_reply(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    caller.create("/v1/customers", customer("hubspot"))
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    answer = expect(caller.write("POST", "/v1/customers", customer("hubspot", mark), headers=wait(30)), 201)
    assert answer.headers["preference-applied"] == "wait=30"
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_a_repetition_that_waits_gets_the_answer_too(caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", customer("hubspot"))
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    assert caller.write("POST", "/v1/customers", body, key=key).status_code == 202
    again = expect(caller.write("POST", "/v1/customers", body, key=key, headers=wait(30)), 201)
    assert again.headers["idempotent-replayed"] == "true"


def test_a_wait_for_an_outcome_ends_in_202(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", customer("hubspot"))
    facade.worker.stop()
    try:
        vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
        for _ in range(2):
            answer, took = timed(caller.write, "POST", "/v1/customers", body, key=key, headers=wait(2))
            assert answer.status_code == 202
            assert took > 1.9
    finally:
        facade.worker.start()
    assert caller.settled(answer)["state"] == "succeeded"


def test_a_caller_who_waits_gets_the_answer_after_a_throttle(caller: Caller, vendors: Emulators) -> None:
    caller.create("/v1/customers?connection=busy-hubspot", customer("hubspot"))
    vendors.break_("hubspot", "status", method="POST", path=CONTACTS, status=429, retry_after=6)
    expect(caller.write("POST", "/v1/customers?connection=busy-hubspot", customer("hubspot"), headers=wait(30)), 201)


def test_resolving_an_unknown_outcome_obeys_the_wait(facade: Facade, patient: Caller, vendors: Emulators) -> None:
    patient.create("/v1/customers", customer("hubspot"))
    facade.worker.stop()
    try:
        vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
        answer = patient.write("POST", "/v1/customers", customer("hubspot"))
        path, identity = answer.headers["location"], answer.json()["id"]
        facade.sql("UPDATE operation SET phase = 'unknown', due_at = NULL WHERE id = $1", identity)
    finally:
        facade.worker.start()
    vendors.break_("hubspot", "slow", times=None, delay_ms=HELD_MS)
    resolution = {"outcome": "succeeded", "remote_id": "4711"}
    answer, took = timed(patient.post, f"{path}/resolve", json=resolution, headers=wait(1))
    assert code_of(answer, 504) == "vendor-timeout"
    assert took < SOON
    assert patient.get(path).json()["state"] == "unknown"

    answer, took = timed(patient.post, f"{path}/check", headers=wait(1))
    assert (answer.status_code, answer.json()["state"]) == (200, "executing")
    assert answer.headers["preference-applied"] == "wait=1"
    assert took < SOON
    vendors.mend()
    assert patient.await_operation(path)["state"] == "succeeded"
