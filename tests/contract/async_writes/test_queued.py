"""Queued writes run in the order of their record, and only their job begins them."""

from typing import Any

import httpx
import pytest

from tests.contract.async_writes.finished_operations import CONTACTS, LATER, called_at, finished
from tests.contract.callers import Caller, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, customer, order, word
from tests.contract.waiting import until
from tests.emulators.receiver import Receiver


def test_writes_of_one_record_are_done_in_order(caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path, last = f"/v1/customers/{made['id']}", 12
    # The first one is slow; those that overtake it would be undone by it.
    vendors.break_("hubspot", "slow", method="PATCH", path=f"{CONTACTS}/*", delay_ms=700)
    answers = [
        caller.write("PATCH", path, {"job_title": f"Title {number}"}, headers=LATER) for number in range(last + 1)
    ]
    results = [caller.settled(answer) for answer in answers]
    assert [done["result"]["job_title"] for done in results] == [f"Title {number}" for number in range(last + 1)]
    assert caller.get(path).json()["job_title"] == f"Title {last}"
    bodies = [call["body"] for call in vendors.calls("hubspot") if call["method"] == "PATCH"]
    titles = [str(body) for body in bodies if "Title" in str(body)]
    assert len(titles) == last + 1
    assert [f"Title {number}'" in title for number, title in enumerate(titles)] == [True] * (last + 1)


def test_a_queued_object_ignores_the_callers_preference(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    answer = expect(caller.write("POST", "/v1/orders", order(mark), key=key), 201)
    assert "preference-applied" not in answer.headers
    (row,) = facade.sql("SELECT queued, attempts FROM operation WHERE idempotency_key = $1", key)
    assert row == {"queued": True, "attempts": 1}
    assert caller.write("POST", "/v1/orders", order(mark), key=key).json() == answer.json()
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1
    direct = caller.create("/v1/customers", customer("hubspot"))
    (row,) = facade.sql("SELECT queued FROM operation WHERE id = $1", direct["meta"]["operation_id"])
    assert row["queued"] is False


def test_only_its_job_begins_a_queued_write(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    facade.worker.stop()
    try:
        for _ in range(3):
            answer = expect(caller.write("POST", "/v1/orders", order(mark), key=key, headers={"prefer": "wait=0"}), 202)
            assert answer.json()["state"] == "queued"
            assert answer.json()["attempts"] == 0
        assert vendors.records("shopify", "Order", holding=mark) == []
    finally:
        facade.worker.start()
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


def test_a_throttle_makes_the_whole_lane_wait(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    caller.create("/v1/customers?connection=busy-hubspot", customer("hubspot"))
    vendors.break_("hubspot", "status", method="POST", path=CONTACTS, status=429, retry_after=6, times=1)
    answers = [
        caller.write("POST", "/v1/customers?connection=busy-hubspot", customer("hubspot"), headers=LATER)
        for _ in range(4)
    ]
    assert {caller.settled(answer)["state"] for answer in answers} == {"succeeded"}
    noted = facade.sql("SELECT type FROM audit_event WHERE subject = 'busy-hubspot' ORDER BY id")
    assert "connection.throttled" in [row["type"] for row in noted]
    assert facade.sql("SELECT id FROM dead_letter WHERE connection = 'busy-hubspot'") == []


def test_a_lost_reply_is_found_out_by_the_job(caller: Caller, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    answer = caller.write("POST", "/v1/customers", customer("hubspot", mark), key=key, headers=LATER)
    done = caller.settled(answer)
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    assert len(finished(caller, done["id"])) == 1


def test_a_job_whose_write_is_held_is_tried_again_when_the_lease_ends(caller: Caller, facade: Facade) -> None:
    """Its former worker died in the middle of the write. The next one waits, and does not ask again and again."""
    caller.post("/ops/connections/shopify/pause", json={"note": "until the lease is planted"})
    answer = caller.write("POST", "/v1/orders", order(), headers={"prefer": "wait=0"})
    facade.sql(
        "UPDATE operation SET lease_token = 'of-a-dead-worker', due_at = now() + interval '4.7 seconds' WHERE id = $1",
        answer.json()["id"],
    )
    caller.post("/ops/connections/shopify/resume")
    assert caller.settled(answer)["state"] == "succeeded"
    assert _attempts_of(facade, answer.json()["id"]) == ["deferred", "done"]


def write_that_kills_workers(caller: Caller, facade: Facade, body: Any, **options: Any) -> httpx.Response:
    """The answer to a queued write whose workers have died as often as it may be tried."""
    facade.worker.stop()
    try:
        answer = caller.write("POST", "/v1/orders", body, **options)
        facade.sql(
            "UPDATE job SET state = 'running', attempts = max_attempts, lease_token = gen_random_uuid(),"
            " lease_until = now() - interval '1 minute', started_at = now() WHERE origin = $1",
            answer.json()["id"],
        )
    finally:
        facade.worker.start()
    return answer


def test_a_write_that_kills_its_worker_can_be_redriven(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    """The queue's own tests cover a job whose workers die. Here its attempts are used up."""
    mark = word()
    answer = write_that_kills_workers(caller, facade, order(mark), headers={"prefer": "wait=0"})
    letter = _dead_letter_of(caller, answer.json()["id"])
    assert letter["failure"]["category"] == "poison"
    assert caller.get(answer.headers["location"]).json()["state"] == "queued"
    assert vendors.records("shopify", "Order", holding=mark) == []
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


def test_a_discarded_write_is_reported_as_failed(
    caller: Caller, facade: Facade, vendors: Emulators, receiver: Receiver, port: int
) -> None:
    mark, key = word(), new_key()
    headers = {"prefer": "wait=0", "lockstitch-callback": f"http://127.0.0.1:{port}/discarded"}
    answer = write_that_kills_workers(caller, facade, order(mark), key=key, headers=headers)
    letter = _dead_letter_of(caller, answer.json()["id"])
    expect(caller.post(f"/ops/dead-letters/{letter['id']}/discard", json={"because": "ordered by telephone"}))
    done = caller.settled(answer)
    assert done["state"] == "failed", done
    assert called_at(receiver, "/discarded").json["data"] == done
    assert caller.write("POST", "/v1/orders", order(mark), key=key).status_code == 201
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


@pytest.mark.parametrize(
    ("name", "method", "change"),
    [("hubspot customer", "GET", "missing"), ("shopify order", "POST", "type"), ("zendesk ticket", "GET", "type")],
)
def test_an_answer_that_no_longer_fits_is_read_less_and_less_often(
    caller: Caller, facade: Facade, vendors: Emulators, name: str, method: str, change: str
) -> None:
    """The vendor has done it, and its record or its reply cannot be read: that lasts until somebody fixes it."""
    kind, mark = KINDS[name], word()
    caller.create(kind.collection, kind.sample())
    vendors.break_(kind.connection, "drift", method=method, times=None, change=change)
    answer = caller.write("POST", kind.collection, kind.sample(mark), headers=LATER)
    began = "SELECT started_at FROM attempt WHERE kind = 'execute' AND correlation_id = $1 ORDER BY number"
    rows = until(lambda: facade.sql(began, answer.json()["correlation_id"]), lambda rows: len(rows) >= 5)
    assert (rows[4]["started_at"] - rows[3]["started_at"]).total_seconds() > 3.9
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


def _attempts_of(facade: Facade, operation_id: str) -> list[str]:
    """How each attempt at the job of a write ended."""
    rows = facade.sql(
        "SELECT a.outcome FROM attempt a JOIN operation o USING (correlation_id) WHERE o.id = $1 ORDER BY a.number",
        operation_id,
    )
    return [row["outcome"] for row in rows]


def _dead_letter_of(caller: Caller, operation_id: str) -> dict[str, Any]:

    def look() -> list[dict[str, Any]]:
        letters = caller.get("/ops/dead-letters?kind=execute").json()["data"]
        return [letter for letter in letters if letter["origin"] == operation_id]

    return until(look)[0]
