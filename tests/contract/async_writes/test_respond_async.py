"""Prefer: respond-async: a write that is answered before it is done, by the caller's wish."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contract.async_writes.finished_operations import CONTACTS, LATER, finished
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, customer, ticket, word


@pytest.mark.parametrize("name", KINDS)
def test_a_write_is_taken_at_once_and_done_by_a_worker(caller: Caller, vendors: Emulators, name: str) -> None:
    kind, mark, key = KINDS[name], word(), new_key()
    body = kind.sample(mark)
    answer = caller.write("POST", kind.collection, body, key=key, headers=LATER | {"x-correlation-id": f"run-{mark}"})
    assert answer.status_code == 202, answer.text
    assert answer.headers["preference-applied"] == "respond-async"
    operation = answer.json()
    assert operation["state"] in ("queued", "executing")
    assert answer.headers["location"] == f"/v1/operations/{operation['id']}"
    assert operation["correlation_id"] == f"run-{mark}"

    done = caller.settled(answer)
    assert done["state"] == "succeeded", done
    again = expect(caller.write("POST", kind.collection, body, key=key, headers=LATER), 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == done["result"]
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


def change(caller: Caller, made: dict[str, Any], **options: Any) -> httpx.Response:
    return caller.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": "Potter"}, **options)


def archive(caller: Caller, made: dict[str, Any], **options: Any) -> httpx.Response:
    return caller.write("DELETE", f"/v1/customers/{made['id']}", **options)


@pytest.mark.parametrize("verb", [change, archive])
def test_other_verbs_too(caller: Caller, verb: Callable[..., httpx.Response]) -> None:
    made, key = caller.create("/v1/customers", customer("hubspot")), new_key()
    done = caller.settled(verb(caller, made, key=key, headers=LATER))
    assert done["state"] == "succeeded", done
    assert done["result"]["id"] == made["id"]
    again = verb(caller, made, key=key)
    assert (again.status_code, again.json()) == (200, done["result"])


def test_a_comment_and_an_upsert(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    made = caller.create("/v1/tickets", ticket("zendesk"))
    comment = caller.write("POST", f"/v1/tickets/{made['id']}/comments", {"body_text": mark}, headers=LATER)
    assert caller.settled(comment)["state"] == "succeeded"
    assert len(vendors.records("zendesk", "comments", holding=mark)) == 1
    upserts = [
        caller.write("POST", "/v1/customers?upsert_on=email", customer("hubspot", mark), headers=LATER)
        for _ in range(3)
    ]
    assert {caller.settled(upsert)["state"] for upsert in upserts} == {"succeeded"}
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_waiting_first_may_give_the_answer_itself(caller: Caller) -> None:
    headers = {"prefer": "respond-async, wait=10"}
    answer = expect(caller.write("POST", "/v1/customers", customer("hubspot"), headers=headers), 201)
    assert answer.headers["preference-applied"] == "respond-async, wait=10"
    assert "idempotent-replayed" not in answer.headers


def test_waiting_first_ends_in_202(caller: Caller, vendors: Emulators) -> None:
    vendors.hold("hubspot", method="POST", path=CONTACTS)
    began = time.monotonic()
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "respond-async, wait=1"})
    assert answer.status_code == 202
    assert time.monotonic() - began > 0.9
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("sent", "applied"),
    [
        ("respond-async", "respond-async"),
        ("Respond-Async;x=y", "respond-async"),
        ('respond-async=""', "respond-async"),
        ("wait=0, respond-async", "respond-async, wait=0"),
        ('other;note="a, wait=9", respond-async', "respond-async"),
        ("respond-async=yes", None),
        ("respond-asynchronously", None),
        ('"respond-async"', None),
    ],
)
def test_preferences(caller: Caller, sent: str, applied: str | None) -> None:
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": sent})
    assert answer.status_code == (201 if applied is None else 202)
    assert answer.headers.get("preference-applied") == applied


def test_an_invalid_write_is_refused_at_once(caller: Caller, facade: Facade) -> None:
    for body, code in (({"emails": [{"address": "no"}]}, "invalid-field"), ({"notes": "?"}, "unsupported-field")):
        key = new_key()
        answer = caller.write("POST", "/v1/customers?connection=hubspot&loss=none", body, key=key, headers=LATER)
        assert code_of(answer, 422) == code
        assert facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key) == []
    expect(caller.write("PATCH", "/v1/customers/hubspot:1", {"nickname": "A"}, headers=LATER), 422, "invalid-field")


def test_a_vendor_who_is_away_does_not_keep_a_write_from_being_taken(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    vendors.break_("zendesk", "reset", times=None)
    answer = caller.write("POST", "/v1/customers?connection=frail-zendesk", customer("zendesk", mark), headers=LATER)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("queued", "executing")
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("zendesk", "users", holding=mark)) == 1


def test_a_refusal_is_recorded_and_replayed(caller: Caller) -> None:
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", body)
    done = caller.settled(caller.write("POST", "/v1/customers", body, key=key, headers=LATER))
    assert (done["state"], done["problem"]["code"]) == ("failed", "duplicate-record")
    again = expect(caller.write("POST", "/v1/customers", body, key=key, headers=LATER), 409, "duplicate-record").json()
    assert again == done["problem"]


def test_copies_at_once_are_one_operation(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    with facade.calling() as other, ThreadPoolExecutor(8) as threads:
        assert other.secret != caller.secret
        sent = [threads.submit(caller.write, "POST", "/v1/customers", body, key=key, headers=LATER) for _ in range(16)]
        answers = [answer.result() for answer in sent]
    assert {answer.status_code for answer in answers} <= {201, 202}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 1
    (operation_id,) = ids
    caller.await_operation(f"/v1/operations/{operation_id}")
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    assert len(finished(caller, operation_id)) == 1


def test_another_request_with_the_key_is_refused(caller: Caller) -> None:
    key = new_key()
    caller.write("POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER)
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER)
    assert code_of(answer, 422) == "idempotency-key-reused"


def test_a_caller_who_cannot_wait_joins_a_write_that_runs(caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    vendors.hold("hubspot", method="POST", path=CONTACTS)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(caller.write, "POST", "/v1/customers", body, key=key)
        vendors.await_held()
        answer = caller.write("POST", "/v1/customers", body, key=key, headers=LATER)
        vendors.mend()
        assert first.result().status_code == 201
    done = caller.settled(answer)
    assert done["result"] == first.result().json()
    assert len(finished(caller, done["id"])) == 1
