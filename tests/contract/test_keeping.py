"""What Lockstitch itself keeps: for how long, how, and what happens while it cannot."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from tests.contract.answer_checks import check_problem
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.outage import database_down
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer, word
from tests.contract.waiting import until


def raw_get(caller: Caller, path: str) -> httpx.Response:
    """A read that is not held to the promise that nothing fails."""
    return httpx.get(
        f"{caller.url}{path}", headers={"authorization": f"Bearer {caller.secret}"}, timeout=30, verify=NO_TLS
    )


def test_a_record_answers_for_its_key_for_seven_days(caller: Caller, facade: Facade) -> None:
    key, body = new_key(), customer("hubspot")
    made = caller.write("POST", "/v1/customers", body, key=key)
    operation = made.json()["meta"]["operation_id"]
    facade.sql("UPDATE operation SET updated_at = now() - interval '167 hours' WHERE id = $1", operation)
    assert caller.write("POST", "/v1/customers", body, key=key).content == made.content
    facade.sql("UPDATE operation SET updated_at = now() - interval '169 hours' WHERE id = $1", operation)
    other = expect(caller.write("POST", "/v1/customers", customer("hubspot"), key=key), 201)
    assert "idempotent-replayed" not in other.headers


def test_what_callers_sent_and_were_answered_is_sealed(caller: Caller, facade: Facade) -> None:
    mark = word()
    made = caller.create("/v1/customers", customer("hubspot", mark))
    caller.write("POST", "/v1/customers", customer("hubspot", mark))
    (kept,) = facade.sql("SELECT * FROM operation WHERE id = $1", made["meta"]["operation_id"])
    assert kept["answer"]
    assert kept["intent"]
    for table in ("operation", "link", "audit_event", "api_key"):
        rows = facade.sql(f"SELECT * FROM {table}")  # noqa: S608 - a name from this line
        assert mark not in str(rows)


def test_a_mistake_of_ours_shows_nothing_of_the_inside(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    """And the write that it befell, which the vendor has carried out already, is gone on with."""
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    caller.create("/v1/customers", customer("hubspot"))
    facade.sql("ALTER TABLE link ADD CONSTRAINT out_of_order CHECK (false) NOT VALID")
    try:
        headers = {"authorization": f"Bearer {caller.secret}", "idempotency-key": key}
        answer = httpx.post(f"{caller.url}/v1/customers", json=body, headers=headers, timeout=30, verify=NO_TLS)
    finally:
        facade.sql("ALTER TABLE link DROP CONSTRAINT out_of_order")
    assert answer.status_code == 500
    problem = check_problem(answer)
    assert (problem["code"], problem["fault"], problem["retryable"]) == ("internal", "lockstitch", True)
    assert "out_of_order" not in answer.text
    assert mark not in answer.text
    (kept,) = facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key)
    assert caller.await_operation(f"/v1/operations/{kept['id']}")["state"] == "succeeded"
    assert caller.write("POST", "/v1/customers", body, key=key).status_code == 201
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_without_its_database_it_promises_nothing_and_recovers(caller: Caller, facade: Facade) -> None:
    body, key = customer("hubspot"), new_key()
    with database_down(facade):
        for path in ("/v1/customers?limit=1", "/v1/me", "/v1/operations"):
            # A key that was good a moment ago is trusted for a second, and /v1/me asks the database for nothing else.
            answer = expect(until(partial(raw_get, caller, path), lambda answer: answer.status_code != 200), 503)
            problem = check_problem(answer)
            assert (problem["code"], problem["fault"]) == ("store-unavailable", "lockstitch")
        assert caller.get("/health/live").status_code == 200
        assert code_of(caller.get("/health/ready"), 503) == "store-unavailable"
    until(lambda: caller.get("/health/ready"), lambda answer: answer.status_code == 200)
    assert caller.write("POST", "/v1/customers", body, key=key).status_code == 201


def test_links_are_for_ever(caller: Caller, facade: Facade) -> None:
    """A record has one canonical id for every caller and in every process."""
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/hubspot:{made['meta']['remote_id']}"
    with facade.another_api() as other, facade.calling(url=other.url) as reader:
        assert {reader.get(path).json()["id"] for _ in range(2)} == {made["id"]}


def test_what_the_vendor_answered_during_an_outage_is_recorded_after_it(
    caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(caller.write, "POST", "/v1/customers", body, key=key, headers={"prefer": "wait=60"})
        vendors.await_held()
        with database_down(facade):
            vendors.mend()
            until(lambda: "recorded when the database answers" in facade.api.log)
        answer = sent.result()
    (operation,) = facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key)
    lines = [line for line in facade.api.log.splitlines() if operation["id"] in line and "outcome of a write" in line]
    assert ["is recorded when" in line for line in lines] == [True, False]
    assert answer.status_code == 201
    assert caller.write("POST", "/v1/customers", body, key=key).content == answer.content
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_an_answer_without_an_outcome_names_the_operation(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(caller.write, "POST", "/v1/customers", body, key=key, headers={"prefer": "wait=2"})
        vendors.await_held()
        with database_down(facade):
            problem = check_problem(sent.result())
        vendors.mend()
    assert (problem["code"], problem["status"]) == ("store-unavailable", 503)
    assert problem["operation_id"] in problem["detail"]
    assert caller.await_operation(f"/v1/operations/{problem['operation_id']}")["state"] == "succeeded"
    assert caller.write("POST", "/v1/customers", body, key=key).status_code == 201
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
