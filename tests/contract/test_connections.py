"""Connections as operators see and pause them: a pause in one process binds every process."""

from typing import Any

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import CONNECTIONS, Facade
from tests.contract.samples import customer, ticket
from tests.contract.waiting import until


def connection(caller: Caller, name: str) -> dict[str, Any]:
    """One connection, as operators see it."""
    listed = caller.get("/ops/connections").json()["data"]
    (one_connection,) = [one for one in listed if one["name"] == name]
    return one_connection


def pause(caller: Caller, name: str, note: str = "the account moves") -> dict[str, Any]:
    return expect(caller.post(f"/ops/connections/{name}/pause", json={"note": note})).json()


def resume(caller: Caller, name: str) -> dict[str, Any]:
    return expect(caller.post(f"/ops/connections/{name}/resume")).json()


def audited(facade: Facade, name: str) -> list[tuple[str, str]]:
    rows = facade.sql(
        "SELECT type, actor FROM audit_event"
        " WHERE subject = $1 AND type LIKE 'connection.%' AND type <> 'connection.bound' ORDER BY id",
        name,
    )
    return [(row["type"], row["actor"]) for row in rows]


def test_every_connection_is_listed_with_what_it_does(caller: Caller, facade: Facade) -> None:
    assert caller.get("/v1/customers?connection=shopify&limit=1").status_code == 200
    answer = caller.get("/ops/connections")
    listed = {one["name"]: one for one in answer.json()["data"]}
    assert set(CONNECTIONS) | {"locked", "gone"} <= set(listed)
    assert list(listed) == sorted(listed)
    shop = listed["shopify"]
    assert (shop["vendor"], shop["state"], shop["note"]) == ("shopify", "working", None)
    assert {"read", "list", "create"} <= set(shop["objects"]["order"])
    assert shop["base_url"] == f"{facade.vendors.url}/shopify"
    assert shop["throttled_since"] is None
    assert [(one["bucket"], one["units"], one["per_seconds"]) for one in shop["budgets"]] == [("default", 6e7, 60.0)]
    assert 0 < shop["budgets"][0]["headroom"] <= 6e7
    assert "dev-token" not in answer.text


def test_who_may_look_and_who_may_stop(facade: Facade) -> None:
    with facade.calling("ops:read") as reader:
        assert reader.get("/ops/connections").status_code == 200
        assert code_of(reader.post("/ops/connections/hubspot/pause", json={"note": "no"}), 403) == "forbidden"
        assert code_of(reader.post("/ops/connections/hubspot/resume"), 403) == "forbidden"
    with facade.calling("ops:write") as writer:
        assert code_of(writer.get("/ops/connections"), 403) == "forbidden"


def test_what_cannot_be_paused(caller: Caller) -> None:
    assert code_of(caller.post("/ops/connections/nowhere/pause", json={"note": "why"}), 404) == "not-found"
    assert code_of(caller.post("/ops/connections/nowhere/resume"), 404) == "not-found"
    for body in ({}, {"note": ""}, {"note": 7}, {"note": "x" * 501}, {"note": "why", "until": "noon"}):
        assert code_of(caller.post("/ops/connections/hubspot/pause", json=body), 422) == "invalid-field"
    assert connection(caller, "hubspot")["state"] == "working"


def test_a_pause_at_one_process_is_kept_to_by_another(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    name = "pausable"
    made = caller.create(f"/v1/customers?connection={name}", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    with facade.another_api() as process, Caller(process.url, caller.secret) as other:
        assert other.get(path).status_code == 200
        state = pause(caller, name)
        assert (state["state"], state["note"], state["until"]) == ("paused", "the account moves", None)
        assert state["next_step"] == f"To resume it: POST /ops/connections/{name}/resume."
        assert state["was_paused"] is False
        again = pause(caller, name, "another reason")
        assert (again["note"], again["was_paused"]) == ("the account moves", True)
        shell = facade.lockstitch("connections", "pause", name, "--note", "another reason").stdout
        assert shell.startswith(
            f"{name} was paused already (the account moves). Your note was not kept. To resume it: "
        )
        assert code_of(caller.get(path), 503) == "connection-paused"
        until(lambda: other.get(path).status_code, lambda status: status == 503)
        problem = other.get(path).json()
        assert (problem["code"], problem["category"], problem["retryable"]) == ("connection-paused", "transient", True)
        assert "the account moves" in problem["detail"]
        assert f"POST /ops/connections/{name}/resume" in problem["next_step"]

        calls, key = len(vendors.calls("hubspot")), new_key()
        expect(other.write("PATCH", path, {"job_title": "Potter"}, key=key), 503, "connection-paused")
        assert len(vendors.calls("hubspot")) == calls
        assert caller.get("/v1/customers?connection=hubspot&limit=1").status_code == 200

        assert resume(other, name)["state"] == "working"
        assert other.get(path).status_code == 200
        until(lambda: caller.get(path).status_code, lambda status: status == 200)
        # Nothing had been sent, so the key is free.
        assert other.write("PATCH", path, {"job_title": "Potter"}, key=key).json()["job_title"] == "Potter"
    me = facade.sql("SELECT principal FROM api_key WHERE name = 'everything'")[0]["principal"]
    assert audited(facade, name) == [("connection.paused", me), ("connection.resumed", me)]


def test_a_resume_ends_what_a_vendor_asked_for_in_every_process(
    caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    name = "pausable"
    listing = f"/v1/customers?connection={name}&limit=1"
    with facade.another_api() as process, Caller(process.url, caller.secret) as other:
        vendors.break_("hubspot", "status", method="GET", status=429, retry_after=600)
        assert code_of(caller.get(listing), 429) == "vendor-throttled"
        until(lambda: other.get(listing), lambda answer: answer.status_code == 429)
        for one in (caller, other):
            state = connection(one, name)
            assert (state["state"], state["throttled_since"]) == ("throttled", state["since"])
        assert resume(caller, name)["state"] == "working"
        assert caller.get(listing).status_code == 200
        assert until(lambda: other.get(listing), lambda answer: answer.status_code == 200)
        assert connection(other, name)["state"] == "working"


def test_an_accepted_write_waits_for_the_end_of_the_pause(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    name, key = "pausable", new_key()
    body = customer("hubspot")
    caller.create(f"/v1/customers?connection={name}", customer("hubspot"))
    facade.worker.stop()
    try:
        vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
        answer = expect(caller.write("POST", f"/v1/customers?connection={name}", body, key=key), 202)
        pause(caller, name)
    finally:
        facade.worker.start()
    operation = answer.headers["location"]
    overdue = "SELECT attempts FROM operation WHERE id = $1 AND phase = 'sent' AND due_at < now() - interval '1 second'"
    # The worker looks four times a second; this one it does not take up, so that none of its attempts is used.
    calls = len(vendors.calls("hubspot"))
    until(lambda: facade.sql(overdue, operation.rpartition("/")[2]), bool)
    assert len(vendors.calls("hubspot")) == calls
    resume(caller, name)
    assert caller.await_operation(operation)["state"] == "succeeded"


def test_a_refused_credential_stops_every_process_once(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    name = "relocked"
    with facade.another_api() as process, Caller(process.url, caller.secret) as other:
        assert code_of(caller.get(f"/v1/customers/{name}:1"), 502) == "vendor-auth-failed"
        calls = len(vendors.calls("hubspot"))
        until(
            lambda: connection(other, name),
            lambda state: state["state"] == "unauthorised" and "renew" in state["next_step"].lower(),
        )
        until(lambda: other.get(f"/v1/customers/{name}:1").json()["code"], lambda code: code == "connection-paused")
        assert other.get(f"/v1/customers/{name}:1").json()["category"] == "auth"
        assert code_of(caller.get(f"/v1/customers?connection={name}"), 503) == "connection-paused"
        assert len(vendors.calls("hubspot")) == calls
        assert audited(facade, name) == [("connection.paused", "lockstitch")]
        events = caller.get("/v1/events?type=connection.paused&limit=250")
        if events.status_code == 200:
            assert [one["connection"] for one in events.json()["data"]].count(name) == 1

        # Resumed with the credential as it was: one request is the probe, and what it meets decides.
        assert resume(caller, name)["state"] == "unauthorised"
        assert code_of(caller.get(f"/v1/customers/{name}:1"), 502) == "vendor-auth-failed"
        assert len(vendors.calls("hubspot")) == calls + 1
        assert code_of(caller.get(f"/v1/customers/{name}:1"), 503) == "connection-paused"


def test_a_renewed_credential_is_taken_up_after_a_resume(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """The credential is a file here, so no restart is needed."""
    name = "refiled"
    assert code_of(caller.get(f"/v1/tickets?connection={name}"), 502) == "vendor-auth-failed"
    facade.token_file.write_text("hubspot-dev-token\n")
    assert code_of(caller.get(f"/v1/tickets?connection={name}"), 503) == "connection-paused"
    resume(caller, name)
    assert caller.get(f"/v1/tickets?connection={name}").status_code == 200
    assert until(lambda: connection(caller, name), lambda state: state["state"] == "working")["note"] is None
    assert [what for what, _ in audited(facade, name)] == [
        *("connection.paused", "connection.resumed", "connection.resumed")
    ]
    # Renewed before anybody noticed: the request that meets the old one's end is sent once more with the new one.
    facade.token_file.write_text("also-expired\n")
    with facade.another_api() as process, Caller(process.url, caller.secret) as other:
        facade.token_file.write_text("hubspot-dev-token\n")
        assert other.write("POST", f"/v1/tickets?connection={name}", ticket("hubspot")).status_code == 201
    assert connection(caller, name)["state"] == "working"
