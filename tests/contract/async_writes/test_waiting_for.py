"""A waiting operation says what it waits for, and a write does not wait behind webhooks that ask nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.contract.async_writes.finished_operations import CONTACTS, LATER
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.samples import customer, order
from tests.contract.waiting import until

CREATES: Final = 130
CLAIM: Final = """
UPDATE job SET state = 'running', lease_token = gen_random_uuid(), lease_until = now() + interval '45 s',
       started_at = now()
 WHERE dedupe_key = $1"""
DUE_AT_END_OF_LEASE: Final = "UPDATE operation SET due_at = now() + interval '45 s' WHERE id = $1"
END_CLAIM: Final = """
UPDATE job SET state = 'ready', lease_token = NULL, lease_until = NULL, started_at = NULL WHERE dedupe_key = $1"""
WIDE: Final = "units = 60000000, per_seconds = 60, concurrency = 64"


@contextmanager
def without_worker(facade: Facade) -> Iterator[None]:
    """No worker runs during the block."""
    facade.worker.stop()
    try:
        yield
    finally:
        facade.worker.start()


def waits_for(caller: Caller, operation: Any) -> dict[str, str]:
    """What an undecided operation waits for, as all ways to see it say."""
    assert operation.status_code == 202, operation.text
    waiting_for: dict[str, str] = caller.get(operation.headers["location"]).json()["waiting_for"]
    assert operation.json()["waiting_for"]["reason"] == waiting_for["reason"]
    listed = {one["id"]: one for one in caller.get("/v1/operations?limit=50").json()["data"]}
    assert listed[operation.json()["id"]]["waiting_for"]["reason"] == waiting_for["reason"]
    return waiting_for


def test_a_write_to_a_paused_connection_says_who_paused_it(caller: Caller) -> None:
    caller.post("/ops/connections/pausable/pause", json={"note": "the bookkeeper's note"})
    try:
        answer = caller.write("POST", "/v1/customers?connection=pausable", customer("hubspot"), headers=LATER)
        reason = waits_for(caller, answer)
    finally:
        caller.post("/ops/connections/pausable/resume")
    assert reason == {"reason": "vendor_paused", "detail": "An operator paused pausable."}
    done = caller.settled(answer)
    assert (done["state"], "waiting_for" in done) == ("succeeded", False)


def test_a_throttled_write_says_when_it_goes_on(caller: Caller, vendors: Emulators) -> None:
    caller.create("/v1/customers?connection=busy-hubspot", customer("hubspot"))
    vendors.break_("hubspot", "status", method="POST", path=CONTACTS, status=429, retry_after=6, times=1)
    answer = caller.write("POST", "/v1/customers?connection=busy-hubspot", customer("hubspot"), headers=LATER)
    path = answer.headers["location"]
    operation = until(lambda: caller.get(path).json(), lambda one: "paus" in str(one.get("waiting_for", "")))
    assert operation["waiting_for"]["reason"] == "vendor_paused"
    assert "HubSpot asks busy-hubspot to pause. It goes on in " in operation["waiting_for"]["detail"]
    assert caller.settled(answer)["state"] == "succeeded"


def test_a_write_that_the_api_keeps_back_says_when_it_goes_on(
    facade: Facade, vendors: Emulators, tmp_path: Path
) -> None:
    """One that is at the vendor meanwhile waits for no rate limit."""
    slow = tmp_path / "slow.toml"
    narrow = facade.configuration.replace(WIDE, "units = 4, per_seconds = 2, concurrency = 8")
    slow.write_text(narrow.replace("http://127.0.0.1", "http://localhost"))  # a budget of its own
    api = facade.process("serve", LOCKSTITCH_CONFIG=str(slow), LOCKSTITCH_OPERATION_LEASE="45")
    api.start()
    try:
        with facade.calling("customers:read", "customers:write", url=api.url) as caller:

            def waits() -> dict[str | None, str]:
                """Return the state of an unsettled write for each reason to wait, None for one that does not."""
                views = [caller.get(one.headers["location"]).json() for one in writes]
                unsettled = [view for view in views if view["state"] != "succeeded"]
                return {view.get("waiting_for", {}).get("reason"): view["state"] for view in unsettled}

            vendors.hold("hubspot", method="POST", path=CONTACTS)
            writes = [
                caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "wait=0"})
                for _ in range(6)
            ]
            vendors.await_held()
            until(waits, lambda reasons: reasons.get(None) == reasons.get("queue") == "executing")
            vendors.mend()
            assert {caller.settled(one)["state"] for one in writes} == {"succeeded"}
    finally:
        api.stop()


def test_queued_writes_know_their_place(caller: Caller, facade: Facade) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    with without_worker(facade):
        first = caller.write("PATCH", path, {"job_title": "Cook"}, headers=LATER)
        second = caller.write("PATCH", path, {"job_title": "Chef"}, headers=LATER)
        third = caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER)
        reasons = [waits_for(caller, answer) for answer in (first, second, third)]
    assert reasons == [
        {"reason": "queue", "detail": "It is next."},
        {"reason": "queue", "detail": "An earlier write of the same record goes first."},
        {"reason": "queue", "detail": "1 write of the connection goes before it."},
    ]
    assert {caller.settled(answer)["state"] for answer in (first, second, third)} == {"succeeded"}


def test_a_write_that_a_worker_has_just_claimed_has_no_failed_attempt(caller: Caller, facade: Facade) -> None:
    """The claim comes between the read of the operation, which has no lease yet, and that of its job."""
    with without_worker(facade):
        answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER)
        operation_id = answer.json()["id"]
        facade.sql(CLAIM, operation_id)
        facade.sql(DUE_AT_END_OF_LEASE, operation_id)
        reason = waits_for(caller, answer)
        facade.sql(END_CLAIM, operation_id)
    assert reason == {"reason": "queue", "detail": "It is next."}
    assert caller.settled(answer)["state"] == "succeeded"


def test_a_lost_reply_is_a_retry(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    with without_worker(facade):
        vendors.lose_reply("hubspot", method="POST", path=CONTACTS)
        answer = caller.write("POST", "/v1/customers", customer("hubspot"))
        reason = waits_for(caller, answer)
    assert reason["reason"] == "retry"
    assert reason["detail"].startswith("HubSpot's reply was lost. Lockstitch looks there ")
    assert caller.settled(answer)["state"] == "succeeded"


def test_a_write_goes_before_the_webhooks_of_many_creates(caller: Caller, facade: Facade, tmp_path: Path) -> None:
    """The budget has 40 units for more than an hour: a thousand webhooks of our own creates take none."""
    slow = tmp_path / "slow.toml"
    narrow = facade.configuration.replace(WIDE, "units = 40, per_seconds = 4000, concurrency = 8")
    # By another name of the vendor's host, so that the account has a budget of its own.
    slow.write_text(narrow.replace("http://127.0.0.1", "http://localhost"))
    facade.worker.stop()
    try:
        with sending_webhooks(facade, "hubspot"):
            for _ in range(CREATES):
                caller.create(
                    "/v1/customers", customer("hubspot", job_title="Potter", language="de", notes="Likes tea")
                )
            until(lambda: not facade.vendors.sent_webhooks("hubspot", "waiting"))
            answer = caller.write("POST", "/v1/customers", customer("hubspot"), headers=LATER)
            (waiting,) = facade.sql("SELECT count(*) AS jobs, max(id) AS last FROM job WHERE connection = 'hubspot'")
            worker = facade.process("worker", LOCKSTITCH_CONFIG=str(slow))
            worker.start()
            try:
                assert caller.settled(answer)["state"] == "succeeded"
                until(lambda: facade.sql("SELECT count(*) AS n FROM job WHERE id <= $1", waiting["last"])[0]["n"] == 0)
            finally:
                worker.stop()
    finally:
        facade.worker.start()
    assert waiting["jobs"] > 1000
    started = facade.sql(
        "SELECT kind FROM attempt WHERE connection = 'hubspot' AND job_id <= $1 AND started_at ="
        " (SELECT min(started_at) FROM attempt WHERE connection = 'hubspot' AND job_id <= $1)",
        waiting["last"],
    )
    assert "execute" in [row["kind"] for row in started]
    assert len(started) <= 32


def test_an_order_waits_in_its_own_queue(caller: Caller, facade: Facade) -> None:
    with without_worker(facade):
        answer = caller.write("POST", "/v1/orders", order(), headers={"prefer": "wait=0"})
        assert waits_for(caller, answer)["reason"] == "queue"
    assert caller.settled(answer)["state"] == "succeeded"
