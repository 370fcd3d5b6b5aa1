"""Writes that outlast their wait in a real n8n: the branch for 202, and what the vendor holds in the end.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from lockstitch_dev import Dev, running_dev
from n8n_cli import CREDENTIAL_NAME, Execution, Item, Workflow
from real_calls import CUSTOMERS, TICKET, fresh_n8n, load, only, place_order, play
from real_events import eventually

# The three nodes that the README adds behind the branch, but for the minute that they wait.
LOOK_AGAIN: Final = [
    {
        "name": "Wait",
        "type": "n8n-nodes-base.wait",
        "typeVersion": 1.1,
        "parameters": {"resume": "timeInterval", "amount": 1, "unit": "seconds"},
    },
    {
        "name": "Look",
        "type": "n8n-nodes-base.httpRequest",
        "typeVersion": 4.5,
        "credentials": {"httpHeaderAuth": {"id": None, "name": CREDENTIAL_NAME}},
        "parameters": {
            "method": "GET",
            "url": "={{ $('Run').first().json.base_url }}/v1/operations/{{ $json.operation_id ?? $json.id }}",
            "authentication": "genericCredentialType",
            "genericAuthType": "httpHeaderAuth",
            "sendHeaders": True,
            "headerParameters": {
                "parameters": [{"name": "X-Correlation-ID", "value": "={{ $('Run').first().json.run_id }}"}]
            },
            "options": {},
        },
    },
    {
        "name": "Still undecided?",
        "type": "n8n-nodes-base.if",
        "typeVersion": 2.2,
        "parameters": {
            "conditions": {
                "options": {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2},
                "conditions": [
                    {
                        "id": "again",
                        "leftValue": "={{ ['queued', 'executing'].includes($json.state) && $runIndex < 60 }}",
                        "rightValue": "",
                        "operator": {"type": "boolean", "operation": "true", "singleValue": True},
                    }
                ],
                "combinator": "and",
            },
            "options": {},
        },
    },
    {"name": "Outcome", "type": "n8n-nodes-base.noOp", "typeVersion": 1, "parameters": {}},
]
LINKS: Final = {
    "Not decided yet": ["Wait"],
    "Wait": ["Look"],
    "Look": ["Still undecided?"],
    "Still undecided?": ["Wait", "Outcome"],
}


@dataclass(frozen=True, kw_only=True)
class Waited:
    """What both templates showed while the vendors' connections were paused, and which order the ticket is about."""

    dev: Dev
    customers: Execution
    ticket: Execution
    order: dict[str, Any]


@pytest.fixture(scope="module")
def waited() -> Iterator[Waited]:
    with running_dev() as dev, fresh_n8n() as n8n:
        order = place_order(dev)
        n8n.add_credential(dev.key)
        with paused(dev, "hubspot"), paused(dev, "zendesk"):
            customers = play(n8n, CUSTOMERS, wait=1, base_url=dev.api)
            ticket = play(n8n, TICKET, wait=1, base_url=dev.api, order_number=order["number"])
            assert dev.records("hubspot", "contacts") == dev.records("zendesk", "tickets") == []
        yield Waited(dev=dev, customers=customers, ticket=ticket, order=order)


@contextmanager
def paused(dev: Dev, connection: str) -> Iterator[None]:
    """For as long as the block, writes of this connection wait for their turn."""
    dev.operate(f"/ops/connections/{connection}/pause", {"note": "maintenance"})
    try:
        yield
    finally:
        dev.operate(f"/ops/connections/{connection}/resume", {})


def outcomes(dev: Dev, items: list[Item]) -> list[dict[str, Any]]:
    """The operations that these items name, once they are decided."""

    def look() -> list[dict[str, Any]] | None:
        states = [dev.operate(f"/v1/operations/{item['operation_id']}") for item in items]
        return states if all(one["state"] not in ("queued", "executing") for one in states) else None

    return eventually(look)


def test_undecided_items_leave_by_the_branch_of_their_own(waited: Waited) -> None:
    undecided = waited.customers.items("Not decided yet")
    ticket = only(waited.ticket.items("Not decided yet"))

    assert waited.customers.succeeded
    assert waited.ticket.succeeded
    assert [item["customer"] for item in undecided] == ["mira.holm@example.com", "okafor@example.com"]
    assert ticket["order"] == waited.order["number"]
    for item in (*undecided, ticket):
        assert item["ok"] is False
        assert f"/v1/operations/{item['operation_id']}" in item["what_to_do"]
    assert not waited.customers.items("Saved")
    assert not waited.ticket.items("Opened")


def test_a_refusal_is_still_answered_at_once(waited: Waited) -> None:
    refused = only(waited.customers.items("In plain words"))

    assert (refused["customer"], refused["code"]) == ("jonas.feld(at)example.com", "invalid-field")


def test_lockstitch_finishes_each_undecided_write_once(waited: Waited) -> None:
    items = [*waited.customers.items("Not decided yet"), *waited.ticket.items("Not decided yet")]

    assert [one["state"] for one in outcomes(waited.dev, items)] == ["succeeded"] * 3
    contacts = [contact["properties"]["email"] for contact in waited.dev.records("hubspot", "contacts")]
    assert sorted(contacts) == ["mira.holm@example.com", "okafor@example.com"]
    assert waited.order["number"] in only(waited.dev.records("zendesk", "tickets"))["subject"]


def test_a_workflow_can_look_again_until_the_write_is_decided() -> None:
    with running_dev() as dev, fresh_n8n() as n8n, ThreadPoolExecutor() as pool:
        n8n.add_credential(dev.key)
        workflow = with_look_again(load(CUSTOMERS, wait=0, base_url=dev.api))
        n8n.add_workflow(workflow)
        with paused(dev, "hubspot"):
            running = pool.submit(n8n.execute, workflow["id"])
            eventually(lambda: looks(dev) >= 4)  # twice for each of the two
        execution = running.result()

        assert execution.succeeded
        results = [item["result"]["emails"][0]["address"] for item in execution.items("Outcome")]
        assert sorted(results) == ["mira.holm@example.com", "okafor@example.com"]
        assert len(dev.records("hubspot", "contacts")) == 2


def looks(dev: Dev) -> int:
    """How often the workflow has asked for an outcome."""
    queued = dev.operate("/v1/operations", state="queued")["data"]
    if not queued:
        return 0
    story = dev.operate(f"/ops/runs/{queued[0]['correlation_id']}")["data"]
    return sum(entry["facts"].get("route") == "/v1/operations/{id}" for entry in story)


def with_look_again(workflow: Workflow) -> Workflow:
    """The template with the nodes that ask for the outcome until it is there."""
    extra = [{"id": node["name"], "position": [1700, 200 * place]} | node for place, node in enumerate(LOOK_AGAIN)]
    links = {
        source: {"main": [[{"node": target, "type": "main", "index": 0}] for target in targets]}
        for source, targets in LINKS.items()
    }
    return workflow | {"nodes": workflow["nodes"] + extra, "connections": workflow["connections"] | links}
