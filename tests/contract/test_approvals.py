"""Approvals: a write that needs one is not sent before another principal approves it, and then once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest

from tests.contract.async_writes.finished_operations import audit_of, finished
from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, order, ticket, word
from tests.contract.waiting import until

REQUIRED: Final = {"lockstitch-approval": "required"}
WRITES: Final = ("customers:write", "orders:write", "tickets:write")
DECIDERS: Final = 24
EXPIRE: Final = "UPDATE operation SET approve_by = now() WHERE id = $1"


@pytest.fixture(scope="module")
def agent_key(running_facade: Facade) -> str:
    """A key that only writes, and whose writes need approval."""
    return running_facade.make_key(*WRITES, name="agent", needs_approval=True).secret


@pytest.fixture
def agent(facade: Facade, agent_key: str) -> Iterator[Caller]:
    with facade.calling(secret=agent_key) as calling:
        yield calling


@pytest.fixture
def desk(facade: Facade) -> Iterator[Caller]:
    """A key that approves, and may do nothing else."""
    with facade.calling("approvals:write") as calling:
        yield calling


def requested(agent: Caller, path: str, body: Any, **more: Any) -> dict[str, Any]:
    """Send a write that has to wait, and return its operation."""
    answer = expect(agent.write("POST", path, body, **more), 202)
    operation: dict[str, Any] = answer.json()
    assert (operation["state"], operation["waiting_for"]["reason"]) == ("queued", "approval")
    assert answer.headers["location"] == f"/v1/operations/{operation['id']}"
    return operation


def decide(caller: Caller, operation: dict[str, Any], verdict: str, note: str | None = None) -> httpx.Response:
    body = None if note is None else {"note": note}
    return caller.post(f"/v1/operations/{operation['id']}/{verdict}", json=body)


def stored(vendors: Emulators, mark: str) -> int:
    return len(vendors.records("hubspot", "contacts", holding=mark))


def test_an_approved_write_has_its_effect_once(
    agent: Caller, desk: Caller, caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    mark, key, run = word(), new_key(), {"x-correlation-id": f"run-{word()}"}
    body = customer("hubspot", mark)
    operation = requested(agent, "/v1/customers", body, key=key, headers=run)
    assert agent.write("POST", "/v1/customers", body, key=key, headers=run).json() == operation
    assert stored(vendors, mark) == 0

    (listed,) = [
        one
        for one in desk.get("/v1/operations?state=queued&waiting_for=approval&limit=250").json()["data"]
        if one["id"] == operation["id"]
    ]
    assert listed == operation
    approval = listed["approval"]
    assert (approval["requested_by"], approval["effect"], approval["remote_id"]) == ("agent", "create", None)
    assert approval["values"] == body
    assert sorted(approval["fields"]) == sorted(body)

    first = expect(decide(desk, operation, "approve", "Agreed with Ada.")).json()
    assert first["approval"]["state"] == "approved"
    done = caller.await_operation(f"/v1/operations/{operation['id']}")
    assert (done["state"], done["approval"]["note"], stored(vendors, mark)) == ("succeeded", "Agreed with Ada.", 1)
    (event,) = finished(caller, operation["id"])
    assert event["data"] == done
    again = agent.write("POST", "/v1/customers", body, key=key, headers=run)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert decide(desk, operation, "approve").status_code == 200
    assert code_of(decide(desk, operation, "reject"), 409) == "state-conflict"
    assert decide(desk, operation, "reject").json()["detail"].startswith(done["approval"]["decided_by"])

    steps = ["received", "approval_requested", "approved", "sent", "succeeded"]
    assert audit_of(facade, operation["id"]) == [f"operation.{step}" for step in steps]
    story = [one["sentence"] for one in caller.get(f"/ops/runs/{run['x-correlation-id']}?limit=250").json()["data"]]
    assert f"Operation {operation['id']} waits for an approval; agent wants it." in story
    assert f"Operation {operation['id']} was approved by {done['approval']['decided_by']}." in story


def test_those_who_approve_are_notified(agent: Caller, caller: Caller) -> None:
    operation = requested(agent, "/v1/customers", customer("hubspot"))
    path = "/v1/events?type=operation.approval_requested&limit=250"

    def events() -> list[Any]:
        return [one for one in caller.get(path).json()["data"] if one["data"]["id"] == operation["id"]]

    (event,) = until(events, bool)  # the feed waits for older transactions
    assert event["data"] == operation
    assert "lockstitch_approvals_waiting 0.0" not in caller.get("/metrics").text


def test_a_rejected_write_is_never_sent(agent: Caller, desk: Caller, caller: Caller, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    body = customer("hubspot", mark)
    operation = requested(agent, "/v1/customers", body, key=key)
    assert decide(desk, operation, "reject", "We know her already.").status_code == 200
    done = caller.get(f"/v1/operations/{operation['id']}").json()
    assert (done["state"], done["problem"]["code"]) == ("failed", "approval-rejected")
    (event,) = finished(caller, operation["id"])
    assert event["data"] == done
    retried = expect(agent.write("POST", "/v1/customers", body, key=key), 403, "approval-rejected").json()
    assert "We know her already." in retried["detail"]
    assert decide(desk, operation, "reject").status_code == 200
    assert code_of(decide(desk, operation, "approve"), 409) == "state-conflict"
    letters = caller.get(f"/ops/dead-letters?correlation_id={operation['correlation_id']}").json()["data"]
    assert (letters, stored(vendors, mark)) == ([], 0)


def test_an_operator_decides_on_the_command_line(
    facade: Facade, agent: Caller, caller: Caller, vendors: Emulators
) -> None:
    mark = word()
    approved, rejected = (requested(agent, "/v1/customers", customer("hubspot", mark)) for _ in range(2))

    listed = facade.lockstitch("approvals", "list").stdout
    assert all(f"{one['id']}" in listed for one in (approved, rejected))
    assert "create customer at hubspot: " in listed
    printed = json.loads(facade.lockstitch("approvals", "show", approved["id"], "--json").stdout)
    assert printed["approval"]["values"] == approved["approval"]["values"]

    done = facade.lockstitch("approvals", "approve", approved["id"], "--note", "By phone.")
    assert done.stdout == f"{approved['id']} is approved.\n", done.stderr
    assert facade.lockstitch("approvals", "reject", rejected["id"]).returncode == 0
    refused = facade.lockstitch("approvals", "reject", approved["id"])
    assert (refused.returncode, "has approved this write" in refused.stderr) == (3, True)

    ended = caller.await_operation(f"/v1/operations/{approved['id']}")
    assert (ended["state"], ended["approval"]["note"]) == ("succeeded", "By phone.")
    assert ended["approval"]["decided_by"].startswith("cli:")
    assert len(finished(caller, rejected["id"])) == 1
    assert audit_of(facade, rejected["id"])[-1] == "operation.rejected"
    assert stored(vendors, mark) == 1


def test_no_key_decides_about_its_own_writes(facade: Facade, caller: Caller, desk: Caller) -> None:
    name = f"both-{word()}"
    with facade.calling(secret=facade.make_key("customers:write", "approvals:write", name=name).secret) as both:
        operation = requested(both, "/v1/customers", customer("hubspot"), headers=REQUIRED)
        rotated = facade.with_keys(lambda keys: keys.rotate(name)).secret
        with facade.calling(secret=rotated) as successor:
            for one in (both, successor):
                assert code_of(decide(one, operation, "approve"), 403) == "forbidden"
                assert code_of(decide(one, operation, "reject"), 403) == "forbidden"
    assert decide(desk, operation, "reject").status_code == 200
    own = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "respond-async"}).json()
    assert code_of(decide(desk, own, "approve"), 404) == "not-found"


def test_what_cannot_be_written_asks_no_one(agent: Caller, caller: Caller) -> None:
    wrong = agent.write("POST", "/v1/customers", {"emails": [{"address": "nobody"}]})
    assert pointers(wrong) == ["/emails/0/address"]
    expect(agent.write("PATCH", "/v1/customers/hubspot:999999999", {"last_name": "Bell"}), 404, "not-found")
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    stale = caller.write("PATCH", path, {"last_name": "Bell"}, headers=REQUIRED | {"if-match": '"older"'})
    assert code_of(stale, 412) == "version-conflict"
    typo = caller.write("PATCH", path, {"last_name": "Bell"}, headers={"lockstitch-approval": "requried"})
    assert code_of(typo, 422) == "invalid-field"


def test_two_decisions_at_once_count_once(facade: Facade, agent: Caller, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    operation = requested(agent, "/v1/customers", customer("hubspot", mark))
    with facade.calling("approvals:write") as first, facade.calling("approvals:write") as second:
        verdicts = [(one, verdict) for one in (first, second) for verdict in ("approve", "reject")]
        with ThreadPoolExecutor(DECIDERS) as threads:
            answers = list(
                threads.map(lambda n: decide(*_with(verdicts[n % 4], operation)).status_code, range(DECIDERS))
            )
    assert answers.count(200) == DECIDERS // 4
    assert answers.count(409) == DECIDERS - DECIDERS // 4
    done = caller.await_operation(f"/v1/operations/{operation['id']}")
    decided = [one for one in audit_of(facade, operation["id"]) if one in ("operation.approved", "operation.rejected")]
    assert decided == [f"operation.{done['approval']['state']}"]
    assert stored(vendors, mark) == (1 if done["state"] == "succeeded" else 0)


def _with(verdict: tuple[Caller, str], operation: dict[str, Any]) -> tuple[Caller, dict[str, Any], str]:
    return verdict[0], operation, verdict[1]


def test_an_expired_request_is_not_approved_any_more(
    facade: Facade, agent: Caller, desk: Caller, caller: Caller, vendors: Emulators
) -> None:
    mark, key = word(), new_key()
    operation = requested(agent, "/v1/customers", customer("hubspot", mark), key=key)
    facade.sql(EXPIRE, operation["id"])
    assert code_of(decide(desk, operation, "approve"), 409) == "state-conflict"
    done = caller.await_operation(f"/v1/operations/{operation['id']}")
    assert done["problem"]["code"] == "approval-expired"
    assert len(finished(caller, operation["id"])) == 1
    assert code_of(agent.write("POST", "/v1/customers", customer("hubspot", mark), key=key), 403) == "approval-expired"
    assert audit_of(facade, operation["id"])[-1] == "operation.expired"
    assert stored(vendors, mark) == 0


def test_every_write_can_wait(caller: Caller, desk: Caller) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    sold = caller.create("/v1/orders", order())
    filed = caller.create("/v1/tickets", ticket("zendesk"))
    mark = word()
    writes = (
        ("POST", "/v1/customers?upsert_on=email", customer("hubspot", mark)),
        ("PATCH", f"/v1/customers/{made['id']}", {"job_title": mark}),
        ("POST", f"/v1/customers/{made['id']}/copies", {"connection": "shopify"}),
        ("DELETE", f"/v1/customers/{made['id']}", None),
        ("POST", f"/v1/orders/{sold['id']}/tags", {"add": ["vip"]}),
        ("POST", f"/v1/orders/{sold['id']}/cancel", {"reason": "customer"}),
        ("POST", f"/v1/tickets/{filed['id']}/comments", {"body_text": "On its way."}),
    )
    for method, path, body in writes:
        answer = expect(caller.write(method, path, body, headers=REQUIRED), 202)
        operation = desk.get(answer.headers["location"]).json()
        is_copy = path.endswith("/copies")
        # An approver without the read scope sees what was sent; what a copy has read, only those who may read it.
        assert operation["approval"].get("values") == (None if is_copy else body or {})
        assert is_copy is not ("values" in operation["approval"])
        assert "values" in caller.get(answer.headers["location"]).json()["approval"]
        assert decide(desk, operation, "approve").status_code == 200
        done = caller.await_operation(answer.headers["location"])
        assert done["state"] == "succeeded", done
        assert desk.get(answer.headers["location"]).json()["state"] == "succeeded"


def test_a_copy_that_others_overtook_is_not_sent(caller: Caller, desk: Caller) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    path, to_shop = f"/v1/customers/{made['id']}/copies?connection=hubspot", {"connection": "shopify"}
    assert caller.write("POST", path, to_shop).status_code in (200, 201)
    caller.write("PATCH", f"/v1/customers/{made['id']}?connection=hubspot", {"last_name": "Older"})
    answer = caller.write("POST", path, to_shop, headers=REQUIRED)
    caller.write("PATCH", f"/v1/customers/{made['id']}?connection=hubspot", {"last_name": "Newer"})
    assert caller.write("POST", path, to_shop).status_code == 200
    assert decide(desk, answer.json(), "approve").status_code == 200
    done = caller.await_operation(answer.headers["location"])
    assert done["problem"]["code"] == "version-conflict"
    assert caller.get(f"/v1/customers/{made['id']}?connection=shopify").json()["last_name"] == "Newer"


def test_what_others_do_is_not_shown_to_those_who_approve(caller: Caller, desk: Caller, agent: Caller) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    assert code_of(desk.get(f"/v1/operations/{made['meta']['operation_id']}"), 404) == "not-found"
    assert all("approval" in one for one in desk.get("/v1/operations?limit=250").json()["data"])
    assert code_of(agent.get("/v1/operations?state=failed&waiting_for=approval"), 422) == "invalid-field"
    assert agent.get("/v1/me").json()["needs_approval"] is True


def test_waiting_operations_are_not_overdue(agent: Caller, desk: Caller, caller: Caller, facade: Facade) -> None:
    operation = requested(agent, "/v1/customers", customer("hubspot"))
    facade.sql("UPDATE operation SET created_at = now() - interval '2 days' WHERE id = $1", operation["id"])

    def figure(name: str) -> float:
        lines = caller.get("/metrics").text.splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    until(lambda: figure("lockstitch_approvals_oldest_seconds"), lambda age: age > 86_400)
    assert figure('lockstitch_operations_oldest_seconds{phase="received"}') < 86_400
    assert decide(desk, operation, "reject").status_code == 200
