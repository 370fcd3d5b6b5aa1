"""A connection that is rebound: a walk never mixes two accounts."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, staged
from tests.walks.test_reconcile import reconcile

CONTACTS: Final = 5
NAME: Final = "pulled-salesforce"
STATES: Final = f"SELECT remote_id FROM record_state WHERE connection = '{NAME}' ORDER BY 1"  # noqa: S608


@pytest.fixture
def accounts(tmp_path: Path, database_url: str) -> Iterator[list[Facade]]:
    """Two accounts of Salesforce, with the same database. Their records have the same ids."""
    with ExitStack() as stack:
        facades = []
        for name in ("former", "present"):
            folder = tmp_path / name
            folder.mkdir()
            facades.append(facade := stack.enter_context(Facade(folder, database_url).with_vendors()))
            rule = f'[connections.{NAME}.reconcile]\nevery = "3s"\ngrace = "1s"\n'
            facade.add_configuration(connection_table(facade, "salesforce", "customers", page=2) + rule)
        yield facades


def contact(facade: Facade, last_name: str, **fields: Any) -> dict[str, Any]:
    """Place or change a contact, as somebody there does."""
    return facade.vendors.place("salesforce", "Contact", {"LastName": last_name} | fields)


def ids(facade: Facade) -> list[str]:
    """The ids of all contacts of an account."""
    return sorted(one["Id"] for one in facade.vendors.records("salesforce", "Contact"))


async def links_of(stage: Stage) -> dict[str, str]:
    rows = await stage.sql("SELECT remote_id, canonical_id FROM link WHERE connection = $1", NAME)
    return {row["remote_id"]: row["canonical_id"] for row in rows}


async def test_an_account_with_other_records_begins_with_a_baseline(accounts: list[Facade]) -> None:
    former, present = accounts
    for number in range(CONTACTS):
        contact(former, f"Lovelace {number}")
    async with staged(former, "") as stage:
        await stage.pull()
        before = await links_of(stage)
        assert len(before) == len(ids(former))
        await stage.sql("INSERT INTO copied_comment VALUES ('desk', '1', $1, '2', '3', 'op_1')", NAME)
    for number in range(2 * CONTACTS):
        contact(present, f"Hopper {number}")

    answer = former.lockstitch("environment", "rebind", NAME, "--other-records")
    assert answer.returncode == 0, answer.stderr

    async with staged(present, "") as stage:
        assert await stage.sql("SELECT FROM copied_comment") == []
        assert await stage.pull() == []
        assert [row["remote_id"] for row in await stage.sql(STATES)] == ids(present)
        after = await links_of(stage)
        assert sorted(after) == ids(present)
        assert not set(after.values()) & set(before.values())
        assert await reconcile(stage) == []
        new = contact(present, "Hamilton")
        assert [event["data"]["meta"]["remote_id"] for event in await stage.pull()] == [new["Id"]]


async def test_an_account_that_moved_with_its_records_goes_on_from_its_watermark(accounts: list[Facade]) -> None:
    facade = accounts[0]
    made = [contact(facade, f"Lovelace {number}") for number in range(CONTACTS)]
    async with staged(facade, "") as stage:
        await stage.pull()
        for one in made:
            contact(facade, "Hopper", Id=one["Id"])
        stage.vendors.break_("salesforce", "slow", path="*/query*", times=1, delay_ms=0)
        stage.vendors.hold("salesforce", path="*/query*")
        await stage.start_pulls()
        await asyncio.to_thread(stage.vendors.await_held)
        before = await links_of(stage)

        refused = await asyncio.to_thread(facade.lockstitch, "environment", "rebind", NAME, "--other-records")
        assert "A process of Lockstitch uses the database" in refused.stderr
        assert (await asyncio.to_thread(facade.lockstitch, "environment", "rebind", NAME)).returncode == 0

        assert await stage.sql("SELECT FROM walk") == []
        stage.vendors.mend()
        await stage.work()
        await stage.pull()
        changed = [event["data"]["meta"]["remote_id"] for event in await stage.events()]
        assert sorted(changed) == sorted(one["Id"] for one in made)
        assert await links_of(stage) == before
