"""Operators' commands beside a running Lockstitch: what they print is what the API knows."""

import json
from typing import Any

from tests.contract.callers import Caller, new_key
from tests.contract.dead_jobs import DeadJobs
from tests.contract.facade import Facade
from tests.contract.samples import customer, word


def read(facade: Facade, *arguments: str) -> Any:
    done = facade.lockstitch(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_and_its_write_are_shown(facade: Facade, caller: Caller) -> None:
    run = f"run-{word()}"
    made = caller.write("POST", "/v1/customers", customer("hubspot"), key=new_key(), headers={"x-correlation-id": run})
    assert made.status_code == 201, made.text
    report = read(facade, "runs", "show", run)
    assert "operation" in {step["kind"] for step in report["data"]}
    listed = read(facade, "operations", "list", "--limit", "250")["data"]
    (operation,) = (one["id"] for one in listed if one["correlation_id"] == run)
    assert read(facade, "operations", "show", operation)["state"] == "succeeded"
    shown = facade.lockstitch("operations", "show", operation).stdout
    assert run in shown
    wrong = facade.lockstitch("runs", "show", operation)
    assert wrong.returncode == 1
    assert wrong.stderr.endswith(f"names an operation, not a run: lockstitch operations show {operation}.\n")
    tail = facade.lockstitch("events", "tail", "--once", "--limit", "200", "--type", "customer.*", "--json").stdout
    assert run in [event["caused_by"] and event["correlation_id"] for event in map(json.loads, tail.splitlines())]


def test_runs_that_failed_are_listed_with_their_reason(facade: Facade) -> None:
    dead = DeadJobs(facade)
    letters = dead.bury(*(dead.new(correlation_id=f"run-{dead.connection}-{number}") for number in range(3)))
    first = read(facade, "runs", "list", "--failed", "--since", "1h", "--connection", dead.connection, "--limit", "2")
    following = ("--connection", dead.connection, "--cursor", first["next_cursor"])
    rest = read(facade, "runs", "list", *following)
    assert [one["id"] for one in (*first["data"], *rest["data"])] == [*reversed(letters)]
    assert {one["state"] for one in rest["data"]} == {"open"}


def test_connections_are_paused_and_resumed_and_unknown_ones_are_named(facade: Facade) -> None:
    assert "paused" in facade.lockstitch("connections", "pause", "other-zendesk", "--note", "moving").stdout
    assert read(facade, "connections", "show", "other-zendesk")["note"] == "moving"
    assert "is resumed" in facade.lockstitch("connections", "resume", "other-zendesk").stdout
    for arguments in (("connections", "show"), ("dead-letters", "list", "--connection"), ("receipts", "--connection")):
        wrong = facade.lockstitch(*arguments, "other-zendsk")
        assert (wrong.returncode, "Did you mean other-zendesk?" in wrong.stderr) == (1, True), arguments


def test_subscriptions_are_shown(facade: Facade, caller: Caller) -> None:
    target = f"https://1.1.1.1/{word()}"
    wanted = {"target_url": target, "events": ["ticket.created"], "connection": "other-zendesk"}
    answer = caller.post("/v1/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    try:
        assert answer.json()["id"] in [each["id"] for each in read(facade, "subscriptions", "list")["data"]]
        assert target in facade.lockstitch("subscriptions", "show", answer.json()["id"]).stdout
    finally:
        caller.delete(f"/v1/subscriptions/{answer.json()['id']}")


def test_the_status_names_each_alarm_and_its_next_step(facade: Facade) -> None:
    present = read(facade, "status")
    shown = facade.lockstitch("status").stdout
    assert present["workers"] >= 1
    for alarm in present["alarms"]:
        assert f"-> {alarm['next_step']}" in shown
