"""The templates in a real n8n against a running Lockstitch: what a builder sees, and what the vendors then hold.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import Execution, FreshN8n, Item, Workflow

TEMPLATES = Path(__file__).parents[2] / "n8n-workflows"
CUSTOMERS, TICKET = "manual--upsert-customer", "manual--read-order-open-ticket"
FOUND_WITHIN_S = 30  # a shop's search finds an order some time after it was made
ORDER = {
    "currency": "EUR",
    "customer": {"email": "ines.vidal@example.com"},
    "line_items": [
        {"name": "Waxed linen thread", "quantity": "3", "unit_price": "6.50", "requires_shipping": True},
        {"name": "Stitching awl", "quantity": "1", "unit_price": "24.00", "requires_shipping": True},
    ],
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """One n8n database's life: what its executions showed, and what the vendors held when they were over."""

    customers: Execution
    ticket: Execution
    contacts: list[dict[str, Any]]
    tickets: list[dict[str, Any]]


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    with running_dev() as dev:
        yield dev


@pytest.fixture(scope="module")
def order(dev: Dev) -> dict[str, Any]:
    return place_order(dev)


def place_order(dev: Dev) -> dict[str, Any]:
    """An order in the shop, once the shop's own search finds it."""
    made = dev.create("/v1/orders", ORDER, connection="shopify")
    give_up = time.monotonic() + FOUND_WITHIN_S
    while not dev.find("/v1/orders", connection="shopify", number=made["number"]):
        assert time.monotonic() < give_up, f"order {made['number']} is not found by its number"
        time.sleep(0.25)
    return made


@pytest.fixture(scope="module")
def rounds(dev: Dev, order: dict[str, Any]) -> list[Round]:
    """Both templates, run in one n8n database and then again in a second one."""
    return [play_round(dev, order), play_round(dev, order)]


def play_round(dev: Dev, order: dict[str, Any]) -> Round:
    with fresh_n8n() as n8n:
        n8n.add_credential(dev.key)
        customers = play(n8n, CUSTOMERS, base_url=dev.api)
        ticket = play(n8n, TICKET, base_url=dev.api, order_number=order["number"])
    return Round(
        customers=customers,
        ticket=ticket,
        contacts=dev.records("hubspot", "contacts"),
        tickets=dev.records("zendesk", "tickets"),
    )


def fresh_n8n() -> FreshN8n:
    return FreshN8n(Path(sys.argv[1]), free_port(), free_port())


def play(n8n: FreshN8n, template: str, *, wait: int = 30, **run_values: str) -> Execution:
    """Import a template and execute it."""
    workflow = load(template, wait=wait, **run_values)
    n8n.add_workflow(workflow)
    return n8n.execute(workflow["id"])


def load(template: str, *, wait: int = 30, **run_values: str) -> Workflow:
    """A template as it is in the repository but for the values that a builder sets in `Run`, and the seconds that a
    write waits."""
    text = (TEMPLATES / f"{template}.json").read_text(encoding="utf-8")
    workflow: Workflow = json.loads(text.replace("wait=30", f"wait={wait}"))
    (run,) = (node for node in workflow["nodes"] if node["name"] == "Run")
    for assignment in run["parameters"]["assignments"]["assignments"]:
        assignment["value"] = run_values.get(assignment["name"], assignment["value"])
    return workflow


def only(items: list[Item]) -> Item:
    """The one item there is."""
    (item,) = items
    return item


def next_step(dev: Dev, code: str) -> str:
    """What Lockstitch itself says to do about a problem."""
    return str(dev.operate(f"/problems/{code}")["next_step"])


def test_two_customers_are_saved_and_the_wrong_email_is_explained(dev: Dev, rounds: list[Round]) -> None:
    played = rounds[0].customers

    saved = played.items("Saved")
    assert played.succeeded
    assert [(item["ok"], item["customer"], item["status"]) for item in saved] == [
        (True, "mira.holm@example.com", 201),
        (True, "okafor@example.com", 201),
    ]
    assert all(item["id"].startswith("cus_") for item in saved)

    refused = only(played.items("In plain words"))
    assert refused["ok"] is False
    assert refused["customer"] == "jonas.feld(at)example.com"
    assert refused["code"] == "invalid-field"
    assert refused["where"].startswith("/emails/0/address: ")
    assert refused["what_happened"]
    assert refused["what_to_do"] == next_step(dev, "invalid-field")
    assert refused["correlation_id"] == only(played.items("Run"))["run_id"]


def test_hubspot_holds_the_two_customers_as_far_as_their_rows_were_filled(rounds: list[Round]) -> None:
    contacts = {contact["properties"]["email"]: contact["properties"] for contact in rounds[0].contacts}

    assert sorted(contacts) == ["mira.holm@example.com", "okafor@example.com"]
    full, sparse = contacts["mira.holm@example.com"], contacts["okafor@example.com"]
    assert (full["firstname"], full["lastname"]) == ("Mira", "Holm")
    assert (full["company"], full["jobtitle"]) == ("Holm & Daughters", "Buyer")
    assert (full["city"], full["zip"]) == ("Berlin", "10115")
    assert "".join(full["phone"].split()) == "+493023125014"
    assert sparse["lastname"] == "Okafor"
    assert not sparse.get("firstname")
    assert not sparse.get("phone")


def test_a_ticket_is_opened_with_the_facts_of_the_order(rounds: list[Round], order: dict[str, Any]) -> None:
    played = rounds[0].ticket
    opened = only(played.items("Opened"))
    ticket = only(rounds[0].tickets)

    assert played.succeeded
    assert opened["ok"] is True
    assert opened["status"] == 201
    assert opened["order"] == order["number"]
    assert opened["ticket_number"] == str(ticket["id"])
    assert order["number"] in ticket["subject"]
    for fact in (
        "3 x Waxed linen thread",
        "1 x Stitching awl",
        "Total: 43.50 EUR",
        "ines.vidal@example.com",
        order["id"],
    ):
        assert fact in ticket["description"]


def test_run_ids_of_a_reset_n8n_are_no_replays(rounds: list[Round]) -> None:
    first, second = (only(played.customers.items("Run"))["run_id"] for played in rounds)

    assert first != second
    assert first.rsplit("-", 1)[0] == second.rsplit("-", 1)[0] == "lsManualUpsertCust-1"
    assert not any(item["replayed"] for played in rounds for item in played.customers.items("Saved"))
    assert not any(item["replayed"] for played in rounds for item in played.ticket.items("Opened"))


def test_the_second_round_updates_the_customers_it_finds(rounds: list[Round]) -> None:
    first, second = (played.customers.items("Saved") for played in rounds)

    assert [item["status"] for item in second] == [200, 200]
    assert [item["id"] for item in second] == [item["id"] for item in first]
    assert len(rounds[1].contacts) == 2


def test_each_round_opens_a_ticket_of_its_own(rounds: list[Round]) -> None:
    numbers = [only(played.ticket.items("Opened"))["ticket_number"] for played in rounds]

    assert len(set(numbers)) == 2
    assert [str(ticket["id"]) for ticket in rounds[1].tickets] == numbers


def test_every_failure_is_explained_in_plain_words(dev: Dev, rounds: list[Round]) -> None:
    nobody_listens = f"http://127.0.0.1:{free_port()}"
    with fresh_n8n() as n8n:
        n8n.add_credential(dev.key)
        no_order = play(n8n, TICKET, base_url=dev.api, order_number="#no-such-order")
        no_number = play(n8n, TICKET, base_url=dev.api, order_number="")
        unreachable = play(n8n, TICKET, base_url=nobody_listens)
        n8n.add_credential("lsk_not_a_key_of_ours")
        wrong_key = play(n8n, CUSTOMERS, base_url=dev.api)

    gone = only(no_order.items("In plain words"))
    assert (gone["ok"], gone["code"]) == (False, "not-found")
    assert gone["what_happened"] == "Shopify (shopify) has no order with this number."
    assert gone["what_to_do"] == "Check the value, or create the record first."

    lost = only(no_number.items("In plain words"))  # a list would return an order of somebody else
    assert (lost["ok"], lost["code"]) == (False, "invalid-field")

    silent = only(unreachable.items("In plain words"))
    assert silent["ok"] is False
    assert silent["what_happened"].startswith("Lockstitch did not answer: ")
    assert "base_url in the node Run" in silent["what_to_do"]

    refused = wrong_key.items("In plain words")
    assert [(item["ok"], item["code"]) for item in refused] == [(False, "unauthenticated")] * 3
    assert all(item["what_happened"] for item in refused)
    assert {item["what_to_do"] for item in refused} == {next_step(dev, "unauthenticated")}

    assert dev.records("zendesk", "tickets") == rounds[1].tickets
    assert dev.records("hubspot", "contacts") == rounds[1].contacts
