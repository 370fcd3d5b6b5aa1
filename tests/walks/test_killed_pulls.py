"""Pulls while workers are killed with -9 every few pages: every change has one Event for its final state."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.encryption import SEALER
from tests.walks.stage import connection_table

PAGES: Final = "SELECT coalesce(sum(pages), 0)::integer AS pages FROM walk"
COMPLETED: Final = "SELECT count(*)::integer AS runs FROM audit_event WHERE type = 'walk.completed'"
RESTING: Final = "SELECT count(*)::integer AS jobs FROM job WHERE kind = 'refetch'"


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    token = EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_SALESFORCE_TOKEN"]
    facade = Facade(tmp_path, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_DEV_SALESFORCE_TOKEN=token)
    facade.emulators.start()
    try:
        yield facade
    finally:
        facade.worker.stop()
        facade.emulators.stop()
        facade.vendors.close()
        facade.disconnect()


@pytest.mark.parametrize(
    ("contacts", "page", "kills"), [(120, 8, 3), pytest.param(3000, 50, 12, marks=pytest.mark.long)]
)
def test_every_change_has_its_event_once_while_workers_die(
    facade: Facade, contacts: int, page: int, kills: int
) -> None:
    chance = random.Random(contacts)
    facade.add_configuration(connection_table(facade, "salesforce", "customers", every="1s", page=page))
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda number: place(facade, {"LastName": f"Lovelace {number}"}), range(contacts)))
        facade.worker.start()
        until(lambda: number_of(facade, COMPLETED), timeout=120.0)
        facade.worker.stop()
        made = list(threads.map(lambda one: change(facade, one, "Potter"), made))
        for _ in range(kills):
            kill_after_pages(facade, chance.randint(1, 3))
            for index in chance.sample(range(contacts), 5):
                made[index] = change(facade, made[index], f"Painter {chance.random()}")
    facade.worker.start()
    runs = number_of(facade, COMPLETED)
    until(lambda: number_of(facade, COMPLETED), lambda now: now >= runs + 2, timeout=240.0)
    until(lambda: number_of(facade, RESTING), lambda left: left == 0)
    facade.worker.stop()

    titles: dict[str, list[str]] = defaultdict(list)
    for event in asyncio.run(events_of(facade.database_url)):
        assert event["type"] == "customer.updated"
        titles[event["data"]["meta"]["remote_id"]].append(event["data"]["job_title"])
    assert {id: each[-1] for id, each in titles.items()} == {one["Id"]: one["Title"] for one in made}
    assert all(len(set(each)) == len(each) for each in titles.values())


def place(facade: Facade, record: dict[str, Any]) -> dict[str, Any]:
    return facade.vendors.place("salesforce", "Contact", record)


def change(facade: Facade, record: dict[str, Any], title: str) -> dict[str, Any]:
    """Change a contact at the vendor, now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return place(facade, record | {"Title": title, "SystemModstamp": now, "LastModifiedDate": now})


def kill_after_pages(facade: Facade, pages: int) -> None:
    """Start a worker, and kill it with -9 once a few pages are committed, or a run ended."""
    worker: Process = facade.worker
    worker.start()
    before = number_of(facade, PAGES) + number_of(facade, COMPLETED)
    until(lambda: number_of(facade, PAGES) + number_of(facade, COMPLETED) - before, lambda done: abs(done) >= pages)
    worker.kill()


def number_of(facade: Facade, statement: str) -> int:
    ((number,),) = [tuple(row.values()) for row in facade.sql(statement)]
    return int(number)


async def events_of(url: str) -> list[dict[str, Any]]:
    """The Events of customers, oldest first."""
    database = await Database.connect(url, max_size=1)
    try:
        events = PostgresEvents(database, SEALER)
        feed = await events.feed(
            types=("customer.created", "customer.updated", "customer.deleted"), after=None, limit=100_000
        )
        return [json.loads(bytes(one.body)) for one in feed]
    finally:
        await database.close()
