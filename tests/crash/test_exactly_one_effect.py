"""Writes while replies are lost and processes are killed with -9: each ends decided, and none happens twice.

`LOCKSTITCH_CRASH_WRITES` (`make test-long` uses 500) and `LOCKSTITCH_CRASH_SEEDS` (comma-separated) make it longer.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.crash.supervised import Supervised

WRITES = int(os.environ.get("LOCKSTITCH_CRASH_WRITES", "120"))
SEEDS = [int(seed) for seed in os.environ.get("LOCKSTITCH_CRASH_SEEDS", "1").split(",")]
AT_ONCE = 12
DECIDED_WITHIN = 150.0
LOST_SHARE = 0.1
# What a caller does with an answer: these are final, everything else is sent again with the same key.
FINAL = {200, 201, 422}
VICTIMS = ("serve", "worker", "serve", "worker", "supervisor")

Write = tuple[str, str, str, str, dict[str, Any]]  # kind, vendor, path, unique mark, body


@pytest.mark.parametrize("seed", SEEDS)
def test_every_write_has_exactly_one_effect(supervised: Supervised, seed: int) -> None:
    chance = random.Random(seed)
    facts = supervised.start()
    _lose_replies(facts["emulators"], seed)
    writes = [_write(number, chance) for number in range(WRITES)]

    outcomes = asyncio.run(_play(supervised, facts, writes, chance))

    with httpx.Client(base_url=facts["emulators"], timeout=30) as emulators:
        emulators.delete("/_emulator/faults")
        effects = _held(emulators)
        lines = _records(emulators, "hubspot", "line_items")
        people = Counter(record["properties"].get("email") for record in _records(emulators, "hubspot", "contacts"))
    succeeded = {mark for mark, outcome in outcomes.items() if outcome == "succeeded"}
    unknown = {mark for mark, outcome in outcomes.items() if outcome == "unknown"}
    assert set(outcomes.values()) <= {"succeeded", "failed", "unknown"}, Counter(outcomes.values())
    assert [mark for mark in outcomes if effects[mark] > 1] == []
    assert [mark for mark in succeeded if effects[mark] != 1] == []
    assert len(succeeded) <= sum(effects[mark] for mark in outcomes) <= len(succeeded) + len(unknown)
    # Every write here carries a marker that can be found again, so nothing may stay in doubt.
    assert unknown == set()
    assert len(succeeded) == WRITES
    # The line of an order is created before it and by itself, and is not created twice either.
    assert len(lines) == sum(kind == "sale" for kind, *_ in writes)
    # Neither is the requester of a ticket, who is created by an operation of their own.
    askers = [f"asker-{mark}@example.com" for kind, _, _, mark, _ in writes if kind == "case"]
    assert [people[email] for email in askers] == [1] * len(askers)


def _write(number: int, chance: random.Random) -> Write:
    mark = f"mark{number:05d}"
    kind = chance.choice(("contact", "shopper", "user", "order", "sale", "case", "ticket"))
    person = {"last_name": mark, "emails": [{"address": f"{mark}@example.com"}]}
    bodies: dict[str, tuple[str, str, dict[str, Any]]] = {
        "contact": ("hubspot", "/v1/customers?connection=hubspot", person),
        "shopper": ("shopify", "/v1/customers?connection=shopify", person),
        "user": ("zendesk", "/v1/customers?connection=zendesk", {"display_name": mark, "emails": person["emails"]}),
        "order": (
            "shopify",
            "/v1/orders?connection=shopify",
            {
                "currency": "EUR",
                "customer": {"email": "buyer@example.com"},
                "customer_note": mark,
                "line_items": [{"name": "Mug", "quantity": "1", "unit_price": "5.00"}],
            },
        ),
        "sale": (
            "hubspot",
            "/v1/orders?connection=hubspot",
            {
                "currency": "EUR",
                "number": mark,
                "line_items": [{"name": "Mug", "quantity": "1", "unit_price": "5.00"}],
            },
        ),
        "case": (
            "hubspot",
            "/v1/tickets?connection=hubspot",
            {"subject": mark, "requester": {"email": f"asker-{mark}@example.com", "name": "Asker"}},
        ),
        "ticket": (
            "zendesk",
            "/v1/tickets?connection=zendesk",
            {"subject": mark, "description": "?", "requester": {"email": "asker@example.com", "name": "Asker"}},
        ),
    }
    vendor, path, body = bodies[kind]
    return kind, vendor, path, mark, body


def _lose_replies(emulators: str, seed: int) -> None:
    for vendor in ("hubspot", "shopify", "zendesk"):
        fault = {
            "vendor": vendor,
            "match": {"method": "POST"},
            "fault": {"kind": "timeout_after_commit", "delay_ms": 0},
            "rate": LOST_SHARE,
            "seed": seed,
        }
        httpx.post(f"{emulators}/_emulator/faults", json=fault).raise_for_status()


async def _play(
    supervised: Supervised, facts: dict[str, str], writes: list[Write], chance: random.Random
) -> dict[str, str]:
    """All writes by a few impatient callers, while somebody kills processes until the last is decided."""
    waiting = list(writes)
    outcomes: dict[str, str] = {}
    deadline = time.monotonic() + DECIDED_WITHIN

    async def caller() -> None:
        async with httpx.AsyncClient(base_url=facts["api"], timeout=30) as client:
            while waiting:
                write = waiting.pop()
                outcomes[write[3]] = await _decide(client, facts["key"], write, deadline)

    callers = [asyncio.create_task(caller()) for _ in range(AT_ONCE)]
    killing = asyncio.create_task(_kill_now_and_then(supervised, chance))
    try:
        await asyncio.gather(*callers)
    finally:
        killing.cancel()
        await asyncio.wait({killing})
    return outcomes


async def _decide(client: httpx.AsyncClient, key: str, write: Write, deadline: float) -> str:
    """Send the same request with the same key until it is decided, as a workflow with retries does."""
    _, _, path, mark, body = write
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": mark, "X-Correlation-ID": mark}
    last = ""
    while time.monotonic() < deadline:
        try:
            answer = await client.post(path, json=body, headers=headers)
        except httpx.TransportError as error:
            last = type(error).__name__
        else:
            last = answer.text[:500]
            if answer.status_code in FINAL:
                return "succeeded" if answer.status_code < 300 else "failed"
            if answer.status_code == 409 and answer.json()["code"] == "outcome-unknown":
                return "unknown"
            if answer.status_code == 409 and answer.json()["code"] != "idempotency-in-progress":
                return "failed"
        await asyncio.sleep(0.3)
    return f"undecided: {last}"


async def _kill_now_and_then(supervised: Supervised, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(0.5, 2.5))
        victim = chance.choice(VICTIMS)
        supervised.kill(victim)
        if victim == "supervisor":
            # Shielded: a restart that has begun is finished, whoever stops the killing.
            await asyncio.shield(asyncio.to_thread(supervised.start))


def _held(emulators: httpx.Client) -> Counter[str]:
    """How many records at the vendors carry each mark."""
    places: tuple[tuple[str, str, Callable[[dict[str, Any]], Any]], ...] = (
        ("hubspot", "contacts", lambda record: record["properties"].get("lastname")),
        ("hubspot", "orders", lambda record: record["properties"].get("hs_order_name")),
        ("hubspot", "tickets", lambda record: record["properties"].get("subject")),
        ("shopify", "Customer", lambda record: record.get("lastName")),
        ("shopify", "Order", lambda record: record.get("note")),
        ("zendesk", "users", lambda record: record.get("name")),
        ("zendesk", "tickets", lambda record: record.get("subject")),
    )
    effects: Counter[str] = Counter()
    for vendor, name, mark_of in places:
        effects.update(str(mark_of(record)) for record in _records(emulators, vendor, name))
    return effects


def _records(emulators: httpx.Client, vendor: str, name: str) -> list[dict[str, Any]]:
    return emulators.get("/_emulator/records", params={"vendor": vendor, "object": name}).json()["records"]
