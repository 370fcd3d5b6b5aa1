"""The templates that Lockstitch starts, wakes or warns: a real n8n that listens, called by a running Lockstitch.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import Execution, FreshN8n
from n8n_server import ServingN8n, serving

TEMPLATES = Path(__file__).parents[2] / "n8n-workflows"
CRM, ALARM, WAIT = "webhook--customer-changed-to-crm", "schedule--dead-letter-alarm", "manual--async-order-wait"
WITHIN_S = 60
DRIFT = {"kind": "drift", "change": "type"}
"""Members that Lockstitch reads have another type."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Lockstitch and n8n, each able to call the other."""

    dev: Dev
    n8n: ServingN8n
    cli: FreshN8n
    subscription: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    port = free_port()
    allow = {"LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{port}"}
    with running_dev(**allow) as dev, FreshN8n(Path(sys.argv[1]), free_port(), port) as cli:
        subscription = dev.create(
            "/v1/subscriptions",
            {
                "target_url": f"http://127.0.0.1:{port}/webhook/lockstitch-customer-changed",
                "events": ["customer.*"],
                "connection": "shopify",
            },
        )
        cli.add_credential(dev.key)
        cli.add_credential(dev.ops_key, "Lockstitch operator key")
        cli.add_hmac_secret(subscription["secret"])
        ids = {name: add(cli, name, dev.api) for name in (CRM, ALARM, WAIT)}
        for published in (CRM, ALARM):
            cli.publish(ids[published])
        with serving(cli, port, webhooks=1) as n8n:
            yield Stage(dev=dev, n8n=n8n, cli=cli, subscription=subscription["id"], ids=ids)


def add(cli: FreshN8n, name: str, base_url: str, *, page: int = 250) -> str:
    """Import a template as it is in the repository, with the address of this Lockstitch, and so many events or findings
    in a page; its id."""
    workflow = json.loads((TEMPLATES / f"{name}.json").read_text(encoding="utf-8").replace('"250"', f'"{page}"'))
    (run,) = (node for node in workflow["nodes"] if node["name"] == "Run")
    for assignment in run["parameters"]["assignments"]["assignments"]:
        if assignment["name"] == "base_url":
            assignment["value"] = base_url
    for node in workflow["nodes"]:
        if node["type"] == "n8n-nodes-base.scheduleTrigger":  # the test cannot wait for five minutes
            node["parameters"]["rule"] = {"interval": [{"field": "seconds", "secondsInterval": 2}]}
    cli.add_workflow(workflow)
    return str(workflow["id"])


def eventually(look: Callable[[], Any]) -> Any:
    """What `found` gives once it is something. Raises AssertionError after a minute."""
    give_up = time.monotonic() + WITHIN_S
    while not (result := look()):
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.2)
    return result


def contact(dev: Dev, email: str) -> dict[str, Any] | None:
    """The CRM's contact with this address."""
    contacts = (record["properties"] for record in dev.records("hubspot", "contacts"))
    return next((one for one in contacts if one.get("email") == email), None)


def with_item(executions: list[Execution], node: str, **facts: Any) -> list[dict[str, Any]]:
    """The items of a node, over all executions, that say these facts."""
    items = (item for execution in executions for item in execution.items(node))
    return [item for item in items if all(item.get(name) == value for name, value in facts.items())]


def test_a_customer_made_in_the_shop_is_in_the_crm_a_moment_later(stage: Stage) -> None:
    email = "nadia.roth@example.com"

    stage.dev.create(
        "/v1/customers",
        {"first_name": "Nadia", "last_name": "Roth", "emails": [{"address": email}]},
        connection="shopify",
    )

    record = eventually(lambda: contact(stage.dev, email))
    assert (record["firstname"], record["lastname"]) == ("Nadia", "Roth")
    executions = stage.n8n.wait_for(stage.ids[CRM], lambda runs: bool(with_item(runs, "Saved", ok=True)))
    assert with_item(executions, "Saved", ok=True)[0]["id"].startswith("cus_")
    assert not with_item(executions, "In plain words")


def test_a_change_in_the_shop_reaches_the_same_contact(stage: Stage) -> None:
    email = "tomas.lind@example.com"
    made = stage.dev.create(
        "/v1/customers", {"first_name": "Tomas", "emails": [{"address": email}]}, connection="shopify"
    )
    eventually(lambda: contact(stage.dev, email))

    stage.dev.change(f"/v1/customers/{made['id']}", {"last_name": "Lindqvist"})

    eventually(lambda: (contact(stage.dev, email) or {}).get("lastname") == "Lindqvist")
    same = [record for record in stage.dev.records("hubspot", "contacts") if record["properties"]["email"] == email]
    assert len(same) == 1


def test_the_event_and_what_the_workflow_wrote_are_one_run(stage: Stage) -> None:
    email = "run@example.com"
    stage.dev.place("shopify", "Customer", {"defaultEmailAddress": {"emailAddress": email}})

    def of_it(executions: list[Execution]) -> list[Execution]:
        return [execution for execution in executions if email in json.dumps(execution.items("Upsert customer"))]

    (execution,) = of_it(stage.n8n.wait_for(stage.ids[CRM], lambda executions: bool(of_it(executions))))
    (saved,) = execution.items("Saved")

    def kinds() -> set[str]:
        return {entry["kind"] for entry in stage.dev.operate(f"/ops/runs/{saved['correlation_id']}")["data"]}

    # Requests are written a moment after they were answered.
    assert eventually(lambda: {"receipt", "event", "delivery", "request", "vendor_call"} <= kinds())


def test_an_event_is_taken_when_lockstitch_finishes_its_write(stage: Stage) -> None:
    email = "later@example.com"
    stage.dev.operate("/ops/connections/hubspot/pause", {"note": "maintenance"})
    try:
        stage.dev.create("/v1/customers", {"emails": [{"address": email}]}, connection="shopify")
        executions = stage.n8n.wait_for(stage.ids[CRM], lambda runs: bool(with_item(runs, "Not decided yet")))
        (undecided,) = with_item(executions, "Not decided yet")
        assert contact(stage.dev, email) is None
    finally:
        stage.dev.operate("/ops/connections/hubspot/resume", {})

    eventually(lambda: contact(stage.dev, email))
    assert undecided["ok"] is False
    run = f"/ops/runs/{undecided['correlation_id']}"

    def delivered() -> list[dict[str, Any]]:
        facts = [entry["facts"] for entry in stage.dev.operate(run)["data"] if entry["kind"] == "delivery"]
        return [one for one in facts if one["state"] == "delivered"]

    (delivery,) = eventually(delivered)
    assert (delivery["status"], delivery["attempts"]) == (200, 1)


def test_who_does_not_sign_is_refused(stage: Stage) -> None:
    url = f"{stage.n8n.url}/webhook/lockstitch-customer-changed"
    event = {"type": "customer.updated", "connection": "shopify", "data": {"emails": [{"address": "eve@example.com"}]}}

    answer = httpx.post(url, json=event, timeout=WITHIN_S)

    assert answer.status_code == 401
    assert contact(stage.dev, "eve@example.com") is None


def test_an_order_is_placed_while_the_workflow_sleeps(stage: Stage) -> None:
    stage.cli.begin(stage.ids[WAIT], free_port())

    (execution,) = stage.n8n.wait_for(stage.ids[WAIT], lambda executions: len(executions) == 1)

    (outcome,) = execution.items("Outcome")
    assert execution.succeeded
    assert (outcome["ok"], outcome["waited"], outcome["total"]) == (True, True, "43.50")
    (run,) = execution.items("Run")
    assert outcome["correlation_id"] == run["run_id"]
    assert len([order for order in stage.dev.records("shopify", "Order") if order["name"] == outcome["number"]]) == 1


def test_dead_letters_are_reported_once(stage: Stage) -> None:
    quiet = stage.n8n.wait_for(stage.ids[ALARM], lambda executions: len(executions) >= 1)
    assert not with_item(quiet, "What is new")

    with stage.dev.failing("shopify", DRIFT):
        stage.dev.place("shopify", "Customer", {"email": "drift@example.com"})
        (letter,) = eventually(lambda: stage.dev.operate("/ops/dead-letters", state="open")["data"])

    alarms = stage.n8n.wait_for(stage.ids[ALARM], lambda executions: bool(with_item(executions, "What is new")))
    (alarm,) = with_item(alarms, "What is new")
    assert alarm["ok"] is False
    assert alarm["where"] == letter["id"]
    assert letter["failure"]["reason"] in alarm["what_happened"]
    later = stage.n8n.wait_for(stage.ids[ALARM], lambda executions: len(executions) >= len(alarms) + 2)
    assert len(with_item(later, "What is new")) == 1
