"""Operators' commands beside a running Lockstitch: what they print is what the API knows."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from app.monitoring.advice import in_commands
from tests.commands import ROOT, exits
from tests.contract.callers import Caller, expect, new_key
from tests.contract.dead_jobs import DeadJobs
from tests.contract.facade import Facade
from tests.contract.samples import customer, word
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, gateway
from tests.forked import Forked


def read(facade: Facade, *arguments: str) -> Any:
    return json.loads(exits(facade.lockstitch(*arguments, "--json")).stdout)


def test_a_run_and_its_write_are_shown(facade: Facade, caller: Caller) -> None:
    run = f"run-{word()}"
    made = caller.write("POST", "/v1/customers", customer("hubspot"), key=new_key(), headers={"x-correlation-id": run})
    assert made.status_code == 201, made.text
    report = read(facade, "runs", "show", run)
    assert "operation" in {step["kind"] for step in report["data"]}
    listed = read(facade, "operations", "list", "--limit", "250")["data"]
    (operation,) = (one["id"] for one in listed if one["correlation_id"] == run)
    assert read(facade, "operations", "show", operation)["state"] == "succeeded"
    view = facade.lockstitch("operations", "show", operation).stdout
    assert run in view
    wrong = exits(facade.lockstitch("runs", "show", operation), 1)
    assert wrong.stderr.endswith(f"names an operation, not a run: lockstitch operations show {operation}.\n")
    tail = facade.lockstitch("events", "tail", "--once", "--limit", "200", "--type", "customer.*", "--json").stdout
    assert run in [event.get("caused_by") and event["correlation_id"] for event in map(json.loads, tail.splitlines())]


def start(facade: Facade, folder: Path, *arguments: str) -> tuple[Forked, Path]:
    """Start a command that does not end, and return it with the file that it prints to."""
    source, printed, errors = (folder / name for name in ("in", "out", "err"))
    source.touch()
    printed.touch()
    streams = (source, printed, errors)
    environment = {**facade.api.environment, "COLUMNS": "300"}
    return Forked("app.cli", arguments, environment=environment, folder=ROOT, streams=streams), printed


def test_a_run_is_followed_until_ctrl_c(facade: Facade, caller: Caller, tmp_path: Path) -> None:
    run = f"run-{word()}"

    def write() -> None:
        body, headers = customer("hubspot"), {"x-correlation-id": run}
        assert caller.write("POST", "/v1/customers", body, key=new_key(), headers=headers).status_code == 201

    write()
    process, file = start(facade, tmp_path, "runs", "show", run, "--follow")
    until(file.read_text, lambda text: "was received" in text)
    write()
    # What is recorded late is printed too, though it happened before what was printed already.
    until(file.read_text, lambda text: text.count("everything called") == 2)
    sentences = [step["sentence"] for step in read(facade, "runs", "show", run)["data"] if step["kind"] != "audit"]
    printed = until(file.read_text, lambda text: all(one in text for one in sentences))
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    steps = [tuple(line.split()) for line in printed.splitlines()[1:]]
    assert len(set(steps)) == len(steps)


def test_an_extract_that_is_stopped_leaves_no_file(facade: Facade, tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    folder.mkdir()
    facade.sql("BEGIN")
    facade.sql("LOCK TABLE record_state IN ACCESS EXCLUSIVE MODE")
    try:
        process, _ = start(facade, tmp_path, "extract", "customer", "-o", str(folder / "customers.jsonl"))
        until(lambda: list(folder.iterdir()), bool)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 130
    finally:
        facade.sql("ROLLBACK")
    assert list(folder.iterdir()) == []


def test_events_are_followed_until_a_signal(facade: Facade, caller: Caller, tmp_path: Path) -> None:
    unknown = facade.lockstitch("events", "tail", "--type", "customer.create")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "Did you mean customer.created?" in unknown.stderr
    types = ("--type", "customer.created", "--type", "dead_letter.created")
    process, file = start(facade, tmp_path, "events", "tail", *types, "--limit", "1", "--json")

    def tailed() -> str:
        headers = {"x-correlation-id": run}
        caller.write("POST", "/v1/customers", customer("hubspot"), key=new_key(), headers=headers)
        return file.read_text()

    run = f"run-{word()}"
    lines = until(tailed, lambda text: text.count(run) > 1).splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM


def test_a_webhook_whose_job_failed_names_its_dead_letter(facade: Facade) -> None:
    dead = DeadJobs(facade)
    receipt, waiting = dead.receive(b"{}"), dead.receive(b"[]")
    (letter,) = dead.bury(dead.new(kind="ingest", correlation_id="run-1", origin=receipt))
    webhooks = read(facade, "receipts", "--connection", dead.connection)["data"]
    assert [(one["id"], one["dead_letter"]) for one in webhooks] == [(waiting, None), (receipt, letter)]
    assert letter in facade.lockstitch("receipts", "--connection", dead.connection).stdout


def test_runs_that_failed_are_listed_with_their_reason(facade: Facade) -> None:
    dead = DeadJobs(facade)
    letters = dead.bury(*(dead.new(correlation_id=f"run-{dead.connection}-{number}") for number in range(3)))
    first = read(facade, "runs", "list", "--failed", "--since", "1h", "--connection", dead.connection, "--limit", "2")
    following = ("--connection", dead.connection, "--cursor", first["next_cursor"])
    rest = read(facade, "runs", "list", *following)
    assert [one["id"] for one in (*first["data"], *rest["data"])] == [*reversed(letters)]
    assert {one["state"] for one in rest["data"]} == {"open"}


def test_the_newest_runs_are_listed_once_each_page_after_page(facade: Facade, caller: Caller) -> None:
    runs = [f"run-{word()}" for _ in range(3)]
    for run in (*runs, runs[0]):
        caller.get("/v1/me", headers={"x-correlation-id": run})
    wanted = [runs[0], runs[2], runs[1]]
    view = until(
        lambda: [one["correlation_id"] for one in read(facade, "runs", "list", "--since", "1h")["data"]],
        lambda view: (
            view.index(wanted[0]) < view.index(wanted[1]) < view.index(wanted[2]) if {*wanted} <= {*view} else False
        ),
    )
    first = read(facade, "runs", "list", "--limit", "2")
    rest = read(facade, "runs", "list", "--limit", "200", "--cursor", first["next_cursor"])
    paged = [one["correlation_id"] for one in (*first["data"], *rest["data"])]
    assert len(set(paged)) == len(paged)
    assert {*view} <= {*paged}
    assert "called GET /v1/me: 200" in facade.lockstitch("runs", "list").stdout
    assert "runs show ID shows any run" in facade.lockstitch("runs", "list", "--find", wanted[0]).stdout
    wrong = facade.lockstitch("runs", "list", "--failed", "--cursor", first["next_cursor"])
    assert (wrong.returncode, "must be the cursor of this list" in wrong.stderr) == (2, True)


def test_connections_are_paused_and_resumed_and_unknown_ones_are_named(facade: Facade) -> None:
    assert "paused" in facade.lockstitch("connections", "pause", "other-zendesk", "--note", "moving").stdout
    assert read(facade, "connections", "show", "other-zendesk")["note"] == "moving"
    assert "is resumed" in facade.lockstitch("connections", "resume", "other-zendesk").stdout
    for arguments in (("connections", "show"), ("dead-letters", "list", "--connection"), ("receipts", "--connection")):
        wrong = facade.lockstitch(*arguments, "other-zendsk")
        assert (wrong.returncode, "Did you mean other-zendesk?" in wrong.stderr) == (1, True), arguments


def test_a_connection_shows_how_old_its_data_are(facade: Facade, caller: Caller) -> None:
    WebhookEndpoint(facade, "gateway").accepted(gateway())

    def both_views() -> tuple[Any, dict[str, Any]]:
        alone = read(facade, "connections", "show", "gateway")
        return alone, {one["name"]: one for one in read(facade, "status")["connections"]}

    # Between two commands a pull may begin or end.
    _, listed = until(both_views, lambda both: both[0]["last_webhook_at"] and both[0] == both[1]["gateway"])
    freshness = caller.get("/ops/freshness").json()["data"]
    pulled = sorted((one["connection"], one["object"]) for one in freshness)
    assert sorted((name, row["object"]) for name, one in listed.items() for row in one["freshness"]) == pulled
    assert "last webhook" in facade.lockstitch("status").stdout


def test_subscriptions_are_shown(facade: Facade, caller: Caller) -> None:
    target = f"https://1.1.1.1/{word()}"
    wanted = {"target_url": target, "events": ["ticket.created"], "connection": "other-zendesk"}
    answer = expect(caller.post("/v1/subscriptions", json=wanted), 201).json()
    try:
        assert answer["id"] in [each["id"] for each in read(facade, "subscriptions", "list")["data"]]
        assert target in facade.lockstitch("subscriptions", "show", answer["id"]).stdout
        disabled = (
            "UPDATE subscription SET state = 'disabled', disabled_at = now(), disabled_reason = 'x' WHERE id = $1"
        )
        facade.sql(disabled, answer["id"])
        assert "is active" in facade.lockstitch("subscriptions", "enable", answer["id"]).stdout
        audited = "SELECT actor FROM audit_event WHERE type = 'subscription.enabled' AND subject = $1"
        assert facade.sql(audited, answer["id"])[0]["actor"].startswith("cli:")
    finally:
        caller.delete(f"/v1/subscriptions/{answer['id']}")


def test_the_status_names_each_alarm_and_its_next_step(facade: Facade) -> None:
    present = read(facade, "status")
    view = facade.lockstitch("status").stdout
    assert present["workers"] >= 1
    for alarm in present["alarms"]:
        assert f"-> {in_commands(alarm['next_step'])}" in view
    assert "POST /" not in view
