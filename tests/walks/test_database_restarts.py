"""Walks while PostgreSQL restarts: they go on, and nothing is lost or doubled."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.postgres.migrate import migrate
from tests.contract.facade import Facade
from tests.restarts import own_server, restart
from tests.walks.stage import Stage, connection_table, staged

CONTACTS: Final = 14
PAGES: Final = "*/query*"
RUNS: Final = "SELECT type FROM audit_event WHERE type LIKE 'walk.%' ORDER BY id"


@pytest.fixture
def facade(tmp_path: Path) -> Iterator[Facade]:
    with own_server() as url, Facade(tmp_path, url, LOCKSTITCH_JOB_LEASE="2").with_vendors() as facade:
        yield facade


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    await migrate(facade.database_url)
    async with staged(facade, connection_table(facade, "salesforce", "customers", page=2)) as stage:
        yield stage


def change(stage: Stage, contact: dict[str, Any]) -> None:
    stage.vendors.place("salesforce", "Contact", {**contact, "Title": "Potter"})


async def test_a_pull_goes_on_after_the_database_restarts(stage: Stage) -> None:
    made = [stage.vendors.place("salesforce", "Contact", {"LastName": f"Lovelace {n}"}) for n in range(CONTACTS)]
    await stage.pull()
    for contact in made:
        contact.pop("SystemModstamp")
        change(stage, contact)
    for _ in range(2):  # a page is committed; while the next one is read, its database restarts
        stage.vendors.break_("salesforce", "slow", path=PAGES, times=1, delay_ms=0)
        stage.vendors.hold("salesforce", path=PAGES)
        if not await stage.sql("SELECT FROM walk"):
            await stage.start_pulls()
        await asyncio.to_thread(stage.vendors.await_held)
        await restart(stage.database)
        stage.vendors.mend()

    await stage.work()

    changed = Counter(event["data"]["meta"]["remote_id"] for event in await stage.events())
    assert changed == Counter(contact["Id"] for contact in made)
    assert [row["type"] for row in await stage.sql(RUNS)] == ["walk.started", "walk.completed"] * 2
    assert await stage.sql("SELECT FROM dead_letter") == []
    states = await stage.sql("SELECT remote_id FROM record_state WHERE connection = 'pulled-salesforce'")
    assert len(states) == len(stage.vendors.records("salesforce", "Contact"))
