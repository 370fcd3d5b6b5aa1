"""Writes that are answered before they are done: by the caller's wish, by configuration, or because they are late.

A Lockstitch of its own, in which orders are always queued and callbacks may go to this machine.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, code_of, new_key
from tests.contract.facade import Facade
from tests.contract.lookalikes import Lookalikes
from tests.contract.processes import free_port
from tests.contract.samples import KINDS, customer, order, ticket, word
from tests.emulators.receiver import Received, Receiver

CONTACTS: Final = "/crm/v3/objects/contacts"
LATER: Final = {"prefer": "respond-async"}
DECIDED: Final = ("succeeded", "failed", "unknown")
PATIENCE: Final = 20.0


@pytest.fixture(scope="module")
def port() -> int:
    """Where this module's receiver of callbacks listens."""
    return free_port()


@pytest.fixture(scope="module")
def queueing(tmp_path_factory: pytest.TempPathFactory, module_database_url: str, port: int) -> Iterator[Facade]:
    """The processes, started once."""
    facade = Facade(
        tmp_path_factory.mktemp("queueing"),
        module_database_url,
        more='\n[writes.orders]\nmode = "queued"\n',
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{port}",
    )
    try:
        facade.start()
        yield facade
    finally:
        facade.stop()


@pytest.fixture
def facade(queueing: Facade) -> Iterator[Facade]:
    """In place of the one that all tests share."""
    yield queueing
    queueing.vendors.mend()


@pytest.fixture
def vendors(facade: Facade) -> Lookalikes:
    return facade.vendors


@pytest.fixture
def caller(facade: Facade) -> Iterator[Caller]:
    with facade.calling() as calling:
        yield calling


@pytest.fixture(scope="module")
def receiver(port: int) -> Iterator[Receiver]:
    """Gets callbacks, at any path; each test has one of its own."""
    listening = Receiver(port)
    yield listening
    listening.close()


def called_at(receiver: Receiver, path: str) -> Received:
    """The one Event that was POSTed to this path; a copy of it may come more than once."""
    end = time.monotonic() + PATIENCE
    while True:
        found = {one.headers["webhook-id"]: one for one in list(receiver.got) if one.path == path}
        if found:
            (only,) = found.values()
            return only
        assert time.monotonic() < end, f"{path} was not called"
        time.sleep(0.02)


def finished(caller: Caller, operation_id: str, count: int = 1) -> list[dict[str, Any]]:
    """The `operation.finished` Events of an operation, when there are at least this many."""
    end = time.monotonic() + PATIENCE
    while True:
        found = [event for event in _events(caller) if event["data"]["id"] == operation_id]
        if len(found) >= count:
            return found
        assert time.monotonic() < end, f"{len(found)} events of {operation_id}"
        time.sleep(0.05)


def _events(caller: Caller) -> list[dict[str, Any]]:
    """All of them, page by page."""
    events: list[dict[str, Any]] = []
    path: str | None = "/v1/events?type=operation.finished&limit=250"
    while path is not None:
        page = caller.get(path).json()
        events += page["data"]
        path = f"/v1/events?type=operation.finished&limit=250&after={page['next_cursor']}" if page["has_more"] else None
    return events


def audit_of(facade: Facade, operation_id: str) -> list[str]:
    rows = facade.sql("SELECT type FROM audit_event WHERE subject = $1 ORDER BY id", operation_id)
    return [row["type"] for row in rows]


# ------------------------------------------------------------- Prefer: respond-async


@pytest.mark.parametrize("name", KINDS)
def test_a_write_is_taken_at_once_and_done_by_a_worker(caller: Caller, vendors: Lookalikes, name: str) -> None:
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
    again = caller.write("POST", kind.collection, body, key=key, headers=LATER)
    assert again.status_code == 201
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


def test_a_comment_and_an_upsert(caller: Caller, vendors: Lookalikes) -> None:
    mark = word()
    asked = caller.create("/v1/tickets", ticket("zendesk"))
    comment = caller.write("POST", f"/v1/tickets/{asked['id']}/comments", {"body_text": mark}, headers=LATER)
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
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["preference-applied"] == "respond-async, wait=10"
    assert "idempotent-replayed" not in answer.headers


def test_waiting_first_ends_in_202(caller: Caller, vendors: Lookalikes) -> None:
    vendors.break_("hubspot", "slow", method="POST", path=CONTACTS, delay_ms=2500)
    began = time.monotonic()
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "respond-async, wait=1"})
    assert answer.status_code == 202
    assert 0.9 < time.monotonic() - began < 2.4
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


def test_what_is_wrong_is_told_at_once(caller: Caller, facade: Facade) -> None:
    for body, code in (({"emails": [{"address": "no"}]}, "invalid-field"), ({"notes": "?"}, "unsupported-field")):
        key = new_key()
        answer = caller.write("POST", "/v1/customers?connection=hubspot", body, key=key, headers=LATER)
        assert code_of(answer, 422) == code
        assert facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key) == []
    assert code_of(caller.write("PATCH", "/v1/customers/hubspot:1", {"nickname": "A"}, headers=LATER), 422)


def test_a_vendor_who_is_away_does_not_keep_a_write_from_being_taken(caller: Caller, vendors: Lookalikes) -> None:
    mark = word()
    vendors.break_("zendesk", "reset", times=None)
    answer = caller.write("POST", "/v1/customers?connection=frail-zendesk", customer("zendesk", mark), headers=LATER)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("queued", "executing")
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("zendesk", "users", holding=mark)) == 1


def test_a_refusal_is_recorded_and_told(caller: Caller) -> None:
    body, key = customer("hubspot"), new_key()
    caller.create("/v1/customers", body)
    done = caller.settled(caller.write("POST", "/v1/customers", body, key=key, headers=LATER))
    assert (done["state"], done["problem"]["code"]) == ("failed", "duplicate-record")
    again = caller.write("POST", "/v1/customers", body, key=key, headers=LATER)
    assert code_of(again, 409) == "duplicate-record"
    assert again.json() == done["problem"]


def test_a_record_that_is_not_there_frees_the_key(caller: Caller) -> None:
    key = new_key()
    for _ in range(2):
        answer = caller.write("PATCH", "/v1/customers/hubspot:999999999", {"job_title": "x"}, key=key, headers=LATER)
        done = caller.settled(answer)
        assert (done["state"], done["problem"]["code"]) == ("failed", "not-found")


def test_copies_at_once_are_one_operation(caller: Caller, facade: Facade, vendors: Lookalikes) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    with facade.calling() as other, ThreadPoolExecutor(8) as threads:
        assert other.secret != caller.secret
        sent = [threads.submit(caller.write, "POST", "/v1/customers", body, key=key, headers=LATER) for _ in range(16)]
        answers = [answer.result() for answer in sent]
    assert {answer.status_code for answer in answers} <= {201, 202}
    told = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(told) == 1
    (operation_id,) = told
    caller.await_operation(f"/v1/operations/{operation_id}")
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    assert len(finished(caller, operation_id)) == 1


def test_another_request_with_the_key_is_refused(caller: Caller) -> None:
    key = new_key()
    caller.write("POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER)
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER)
    assert code_of(answer, 422) == "idempotency-key-reused"


def test_a_caller_who_cannot_wait_joins_a_write_that_runs(caller: Caller, vendors: Lookalikes) -> None:
    body, key = customer("hubspot"), new_key()
    vendors.break_("hubspot", "slow", method="POST", path=CONTACTS, delay_ms=1500)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(caller.write, "POST", "/v1/customers", body, key=key)
        answer = _once_recorded(lambda: caller.write("POST", "/v1/customers", body, key=key, headers=LATER))
        assert first.result().status_code == 201
    done = caller.settled(answer)
    assert done["result"] == first.result().json()
    assert len(finished(caller, done["id"])) == 1


def _once_recorded(send: Callable[[], httpx.Response]) -> httpx.Response:
    time.sleep(0.5)
    return send()


# ---------------------------------------------------------------- order, and mode = "queued"


def test_writes_of_one_record_are_done_in_order(caller: Caller, vendors: Lookalikes) -> None:
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
    told = [call["body"] for call in vendors.calls("hubspot") if call["method"] == "PATCH"]
    titles = [str(body) for body in told if "Title" in str(body)]
    assert len(titles) == last + 1
    assert [f"Title {number}'" in title for number, title in enumerate(titles)] == [True] * (last + 1)


def test_a_queued_object_is_queued_whatever_the_caller_prefers(
    caller: Caller, facade: Facade, vendors: Lookalikes
) -> None:
    mark, key = word(), new_key()
    answer = caller.write("POST", "/v1/orders", order(mark), key=key)
    assert answer.status_code == 201, answer.text
    assert "preference-applied" not in answer.headers
    (row,) = facade.sql("SELECT queued, attempts FROM operation WHERE idempotency_key = $1", key)
    assert row == {"queued": True, "attempts": 1}
    assert caller.write("POST", "/v1/orders", order(mark), key=key).json() == answer.json()
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1
    direct = caller.create("/v1/customers", customer("hubspot"))
    (row,) = facade.sql("SELECT queued FROM operation WHERE id = $1", direct["meta"]["operation_id"])
    assert row["queued"] is False


def test_nobody_but_its_job_begins_a_queued_write(caller: Caller, facade: Facade, vendors: Lookalikes) -> None:
    mark, key = word(), new_key()
    facade.worker.stop()
    try:
        for _ in range(3):
            answer = caller.write("POST", "/v1/orders", order(mark), key=key, headers={"prefer": "wait=0"})
            assert answer.status_code == 202
            assert answer.json()["state"] == "queued"
            assert answer.json()["attempts"] == 0
        assert vendors.records("shopify", "Order", holding=mark) == []
    finally:
        facade.worker.start()
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


def test_a_throttle_makes_the_whole_lane_wait(caller: Caller, facade: Facade, vendors: Lookalikes) -> None:
    caller.create("/v1/customers?connection=busy-hubspot", customer("hubspot"))
    vendors.break_("hubspot", "status", method="POST", path=CONTACTS, status=429, retry_after=6, times=1)
    answers = [
        caller.write("POST", "/v1/customers?connection=busy-hubspot", customer("hubspot"), headers=LATER)
        for _ in range(4)
    ]
    assert {caller.settled(answer)["state"] for answer in answers} == {"succeeded"}
    noted = facade.sql("SELECT type FROM audit_event WHERE subject = 'busy-hubspot' ORDER BY id")
    assert "connection.throttled" in [row["type"] for row in noted]
    assert facade.sql("SELECT id FROM dead_letter") == []


def test_a_lost_reply_is_found_out_by_the_job(caller: Caller, vendors: Lookalikes) -> None:
    mark, key = word(), new_key()
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    answer = caller.write("POST", "/v1/customers", customer("hubspot", mark), key=key, headers=LATER)
    done = caller.settled(answer)
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    assert len(finished(caller, done["id"])) == 1


# ----------------------------------------------------------- operation.finished and the callback


def test_the_end_is_an_event_and_a_callback(caller: Caller, receiver: Receiver, port: int) -> None:
    mark = word()
    headers = LATER | {"lockstitch-callback": f"http://127.0.0.1:{port}/wait/{mark}", "x-correlation-id": f"run-{mark}"}
    answer = caller.write("POST", "/v1/customers", customer("hubspot", mark), headers=headers)
    assert answer.status_code == 202, answer.text
    assert mark not in answer.json().get("callback", "")
    called = called_at(receiver, f"/wait/{mark}")
    operation = caller.get(answer.headers["location"]).json()
    (event,) = finished(caller, answer.json()["id"])
    assert called.json == event
    assert event["type"] == "operation.finished"
    assert event["data"] == operation
    assert event["data"]["state"] == "succeeded"
    assert event["connection"] == "hubspot"
    assert event["correlation_id"] == called.headers["x-correlation-id"] == f"run-{mark}"
    assert called.headers["webhook-id"] == event["id"]


def test_a_callback_of_a_write_that_is_answered_at_once(caller: Caller, receiver: Receiver, port: int) -> None:
    made = caller.create(
        "/v1/customers", customer("hubspot"), headers={"lockstitch-callback": f"http://127.0.0.1:{port}/at-once"}
    )
    assert called_at(receiver, "/at-once").json["data"]["result"] == made


def test_a_refusal_is_called_back_too(caller: Caller, receiver: Receiver, port: int) -> None:
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    headers = LATER | {"lockstitch-callback": f"http://127.0.0.1:{port}/refused"}
    answer = caller.write("POST", "/v1/customers", body, headers=headers)
    called = called_at(receiver, "/refused")
    assert called.json["data"]["state"] == "failed"
    assert called.json["data"]["problem"]["code"] == "duplicate-record"
    assert len(finished(caller, answer.json()["id"])) == 1


def test_a_write_that_nobody_was_told_to_wait_for_is_not_announced(caller: Caller, facade: Facade) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    later = caller.settled(caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER))
    finished(caller, later["id"])
    assert [event for event in _events(caller) if event["data"]["id"] == made["meta"]["operation_id"]] == []


def test_a_late_write_is_announced(caller: Caller, facade: Facade, vendors: Lookalikes) -> None:
    vendors.break_("hubspot", "slow", method="POST", path=CONTACTS, delay_ms=400)
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "wait=0"})
    assert caller.settled(answer)["state"] == "succeeded"
    (event,) = finished(caller, answer.json()["id"])
    assert event["data"]["state"] == "succeeded"


def test_a_late_write_that_cannot_be_done_is_still_there_to_ask_for(caller: Caller, vendors: Lookalikes) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    vendors.break_("hubspot", "slow", method="GET", path=f"{CONTACTS}/*", delay_ms=700)
    headers = {"prefer": "wait=0", "if-match": '"another"'}
    answer = caller.write("PATCH", path, {"job_title": "Potter"}, headers=headers)
    done = caller.settled(answer)
    assert (done["state"], done["problem"]["code"]) == ("failed", "version-conflict")
    (event,) = finished(caller, done["id"])
    assert event["data"] == done


def test_an_unknown_outcome_is_told_and_so_is_its_resolution(
    caller: Caller, facade: Facade, vendors: Lookalikes, receiver: Receiver, port: int
) -> None:
    """A ticket under the caller's own external id carries no mark of ours, and Zendesk keeps a key for two hours."""
    mark = word()
    body = ticket("zendesk", mark, external_id=f"form-{mark}")
    caller.create("/v1/tickets", ticket("zendesk"))
    facade.worker.stop()
    try:
        vendors.break_("zendesk", "timeout_after_commit", method="POST", path="/api/v2/tickets", times=3, delay_ms=0)
        headers = {"lockstitch-callback": f"http://127.0.0.1:{port}/unknown"}
        answer = caller.write("POST", "/v1/tickets", body, headers=headers)
        assert answer.status_code == 202, answer.text
        identity = answer.json()["id"]
        facade.sql(
            "UPDATE operation SET created_at = now() - interval '3 hours', sent_at = now() - interval '3 hours'"
            " WHERE id = $1",
            identity,
        )
        vendors.mend()
    finally:
        facade.worker.start()
    assert called_at(receiver, "/unknown").json["data"]["state"] == "unknown"
    (event,) = finished(caller, identity)
    assert event["data"]["problem"]["code"] == "outcome-unknown"

    (held,) = vendors.records("zendesk", "tickets", holding=mark)
    resolved = caller.post(
        f"/v1/operations/{identity}/resolve", json={"outcome": "succeeded", "remote_id": str(held["id"])}
    )
    assert resolved.status_code == 200, resolved.text
    _, event = finished(caller, identity, 2)
    assert event["data"] == resolved.json()
    # Whoever waited was called at the first decision; the second one is for subscribers.
    assert called_at(receiver, "/unknown").json["data"]["state"] == "unknown"
    told = facade.sql(
        "SELECT id FROM delivery WHERE event = $1 OR event = $2", *(one["id"] for one in finished(caller, identity))
    )
    assert len(told) == 1
    assert audit_of(facade, identity)[-2:] == ["operation.unknown", "operation.resolved"]


# ---------------------------------------------------------------------- what is no callback


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com/" + "x" * 2000,
        "ftp://example.com/",
        "/relative",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://0x7f.1/",
        "https://user:word@example.com/",
        "https://no-such-host.invalid/",
    ],
)
def test_what_is_no_callback(caller: Caller, facade: Facade, url: str) -> None:
    key = new_key()
    answer = caller.write(
        "POST", "/v1/customers", customer("hubspot"), key=key, headers=LATER | {"lockstitch-callback": url}
    )
    assert code_of(answer, 422) == "invalid-field"
    assert [error["header"] for error in answer.json()["errors"]] == ["Lockstitch-Callback"]
    assert answer.json()["next_step"]
    assert facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key) == []


def test_a_target_inside_is_refused_with_the_way_to_allow_it(caller: Caller) -> None:
    headers = {"lockstitch-callback": "http://127.0.0.1:1/"}
    answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers=headers)
    assert code_of(answer, 422) == "invalid-field"
    assert "egress.allow" in answer.json()["next_step"]


def test_two_callbacks_are_one_too_many(caller: Caller, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    answer = caller.post(
        "/v1/customers",
        json=customer("hubspot"),
        headers=[("idempotency-key", new_key()), ("lockstitch-callback", url), ("lockstitch-callback", url)],
    )
    assert code_of(answer, 422) == "invalid-field"


def test_a_read_knows_no_callback(caller: Caller) -> None:
    assert caller.get("/v1/customers?limit=1", headers={"lockstitch-callback": "nonsense"}).status_code == 200


def test_a_callback_is_part_of_what_the_first_request_fixes(
    caller: Caller, facade: Facade, receiver: Receiver, port: int
) -> None:
    body, key, url = order(), new_key(), f"http://127.0.0.1:{port}"
    facade.worker.stop()
    try:

        def send(**headers: str) -> httpx.Response:
            return caller.write("POST", "/v1/orders", body, key=key, headers=LATER | headers)

        first = send(**{"lockstitch-callback": f"{url}/first"})
        assert first.status_code == 202
        other = send(**{"lockstitch-callback": f"{url}/other"})
        assert code_of(other, 422) == "idempotency-key-reused"
        assert other.json()["operation_id"] == first.json()["id"]
        for same in (send(), send(**{"lockstitch-callback": f"{url}/first"})):
            assert same.headers["location"] == first.headers["location"]
        (row,) = facade.sql("SELECT callback FROM operation WHERE id = $1", first.json()["id"])
        assert b"127.0.0.1" not in row["callback"]
    finally:
        facade.worker.start()
    assert caller.settled(first)["state"] == "succeeded"
    # Decided: there is nothing left to be called back for, and the recorded answer is what is wanted.
    assert send(**{"lockstitch-callback": f"{url}/other"}).status_code == 201
    assert called_at(receiver, "/first").json["data"]["state"] == "succeeded"
    assert [one for one in receiver.got if one.path == "/other"] == []


# --------------------------------------------------------------------------------- audit


def test_every_step_is_audited(caller: Caller, facade: Facade, vendors: Lookalikes) -> None:
    direct = caller.create("/v1/customers", customer("hubspot"))["meta"]["operation_id"]
    assert audit_of(facade, direct) == ["operation.received", "operation.sent", "operation.succeeded"]
    vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
    lost = caller.settled(caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER))["id"]
    assert audit_of(facade, lost) == [
        *("operation.received", "operation.sent", "operation.postponed"),
        "operation.succeeded",
    ]
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    refused = caller.write("POST", "/v1/customers", body)
    assert code_of(refused, 409) == "duplicate-record"
    (row,) = facade.sql("SELECT id FROM operation WHERE outcome = 'failed' ORDER BY created_at DESC LIMIT 1")
    assert audit_of(facade, row["id"])[-1] == "operation.failed"

    rows = facade.sql("SELECT * FROM audit_event WHERE subject = ANY($1) ORDER BY id", [direct, lost])
    principal = facade.sql("SELECT principal FROM operation WHERE id = $1", direct)[0]["principal"]
    assert {row["actor"] for row in rows if row["subject"] == direct} == {principal}
    assert [row["actor"] for row in rows if row["subject"] == lost] == [principal, *["lockstitch"] * 3]
    assert all("example.com" not in row["facts"] for row in rows)


def test_the_history_of_a_watched_field(caller: Caller, facade: Facade) -> None:
    made = caller.create("/v1/customers", customer("hubspot", lifecycle_stage="lead"))
    path = f"/v1/customers/{made['id']}"
    headers = {"x-correlation-id": f"run-{made['id']}"}
    for stage in ("customer", "customer"):
        changed = caller.write("PATCH", path, {"lifecycle_stage": stage, "job_title": "Potter"}, headers=headers)
        assert changed.status_code == 200, changed.text
    told = caller.get(f"/ops/audit?type=field.changed&record={made['id']}").json()["data"]
    assert len(told) == 1
    facts = told[0]["facts"]
    assert (facts["field"], facts["before"], facts["after"]) == ("lifecycle_stage", "lead", "customer")
    assert facts["writer"] == told[0]["actor"]
    assert facts["writer"].startswith("key_")
    assert facts["workflow"] == headers["x-correlation-id"]


# --------------------------------------------------------------------------- dead letters


def test_a_write_that_kills_its_worker_is_a_dead_letter_and_goes_on_when_redriven(
    caller: Caller, facade: Facade, vendors: Lookalikes
) -> None:
    """What the queue does with a job whose workers die is told by its own tests; here its attempts are used up."""
    mark = word()
    facade.worker.stop()
    try:
        answer = caller.write("POST", "/v1/orders", order(mark), headers={"prefer": "wait=0"})
        facade.sql(
            "UPDATE job SET state = 'running', attempts = max_attempts, lease_token = gen_random_uuid(),"
            " lease_until = now() - interval '1 minute', started_at = now() WHERE origin = $1",
            answer.json()["id"],
        )
    finally:
        facade.worker.start()
    letter = _dead_letter_of(caller, answer.json()["id"])
    assert letter["failure"]["category"] == "poison"
    assert caller.get(answer.headers["location"]).json()["state"] == "queued"
    assert vendors.records("shopify", "Order", holding=mark) == []
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


def test_a_discarded_write_is_told_to_have_failed(
    caller: Caller, facade: Facade, vendors: Lookalikes, receiver: Receiver, port: int
) -> None:
    mark, key = word(), new_key()
    headers = {"prefer": "wait=0", "lockstitch-callback": f"http://127.0.0.1:{port}/discarded"}
    facade.worker.stop()
    try:
        answer = caller.write("POST", "/v1/orders", order(mark), key=key, headers=headers)
        facade.sql(
            "UPDATE job SET state = 'running', attempts = max_attempts, lease_token = gen_random_uuid(),"
            " lease_until = now() - interval '1 minute', started_at = now() WHERE origin = $1",
            answer.json()["id"],
        )
    finally:
        facade.worker.start()
    letter = _dead_letter_of(caller, answer.json()["id"])
    let_go = caller.post(f"/ops/dead-letters/{letter['id']}/discard", json={"because": "ordered by telephone"})
    assert let_go.status_code == 200, let_go.text
    done = caller.settled(answer)
    assert done["state"] == "failed", done
    assert called_at(receiver, "/discarded").json["data"] == done
    assert caller.write("POST", "/v1/orders", order(mark), key=key).status_code == 201
    assert len(vendors.records("shopify", "Order", holding=mark)) == 1


def _dead_letter_of(caller: Caller, operation_id: str) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        letters = caller.get("/ops/dead-letters?kind=execute").json()["data"]
        found: list[dict[str, Any]] = [letter for letter in letters if letter["origin"] == operation_id]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{operation_id} has no dead letter")
