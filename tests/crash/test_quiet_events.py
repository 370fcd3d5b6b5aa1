"""Events while workers are killed with -9: each says what changed since the last, and none is lost or repeated."""

import asyncio
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final

import asyncpg
import pytest

from app.events.record_changes import changed
from canonical.customer import Customer
from tests.closing import async_closing
from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.quiet import Vendors, Watch, sending_webhooks
from tests.contract.samples import customer
from tests.contract.subscribers import Hook
from tests.contract.waiting import TIMEOUT, until

RECORDS: Final = 6
ROUNDS: Final = 8
KILLS: Final = 6


@pytest.mark.parametrize("seed", [1])
def test_each_event_follows_from_the_one_before_while_workers_die(facade: Facade, seed: int) -> None:
    chance, second = random.Random(seed), facade.process("worker")
    second.start()
    try:
        with facade.calling() as caller, sending_webhooks(facade, "hubspot"):
            records = [caller.create("/v1/customers", customer("hubspot")) for _ in range(RECORDS)]
            with ThreadPoolExecutor(RECORDS + 1) as threads:
                tasks = [threads.submit(_change, facade, caller, record) for record in records]
                tasks.append(threads.submit(_kill_now_and_then, [facade.worker, second], chance))
                operations = [operation for task in tasks for operation in task.result()]
            assert {caller.await_operation(place)["state"] for place in operations} == {"succeeded"}
            Watch(facade, "hubspot", Hook(url="")).settle()
            events = _feed(caller)
            for record in records:
                _assert_told_once(events, caller.get(f"/v1/customers/{record['id']}").json())
    finally:
        second.stop()
    causes = [event["caused_by"]["operation_id"] for event in events if "caused_by" in event]
    assert len(set(causes)) == len(causes)


SENT: Final = "SELECT 1 FROM operation WHERE phase = 'sent'"
LOOKING: Final = """
    SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%effect = ''upsert''%'
"""


def test_a_write_that_settles_between_two_looks_is_not_read_again(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> None:
    """The worker has seen no state of the record, and is stopped before it looks whether a write is under way."""
    slow = Facade(tmp_path_factory.mktemp("looks"), database_url, LOCKSTITCH_OPERATION_LEASE="20")
    with slow.running() as facade, facade.calling() as caller, sending_webhooks(facade, "hubspot"):
        caller.create("/v1/customers", customer("hubspot"))  # what an account needs once is there now
        Watch(facade, "hubspot", Hook(url="")).settle()
        calls = len(facade.vendors.calls("hubspot"))
        facade.vendors.hold("hubspot", method="GET", path="/crm/v3/objects/contacts*")
        with ThreadPoolExecutor(1) as threads:
            making = threads.submit(caller.create, "/v1/customers", customer("hubspot"))
            until(lambda: facade.sql(SENT))
            looking = asyncio.run(_stop_the_look(database_url))
            facade.vendors.mend()
            made = making.result()
        os.kill(looking, signal.SIGCONT)
        Watch(facade, "hubspot", Hook(url="")).settle()
        path = f"/crm/v3/objects/contacts/{made['meta']['remote_id']}"
        reads = [one for one in facade.vendors.calls("hubspot")[calls:] if one["path"].endswith(path)]
        assert [one["method"] for one in reads] == ["GET"]
        assert [event["type"] for event in _feed(caller) if event["data"]["id"] == made["id"]] == ["customer.created"]


async def _stop_the_look(database_url: str) -> int:
    """Stop the worker's session where it looks for writes. Return its process id."""
    async with async_closing(asyncpg.connect(database_url)) as connection:
        await connection.execute("BEGIN; LOCK TABLE operation IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(TIMEOUT):
            while (looking := await connection.fetchval(LOOKING)) is None:
                await asyncio.sleep(0.01)
                await connection.execute("SELECT pg_stat_clear_snapshot()")
        os.kill(looking, signal.SIGSTOP)
    return int(looking)


def _change(facade: Facade, caller: Caller, record: dict[str, Any]) -> list[str]:
    """Change a record in turns with the vendor's own staff. Return where the writes will be decided."""
    staff, places = Vendors(facade.vendors.url), list[str]()
    with facade.calling(secret=caller.secret) as own:
        for number in range(ROUNDS):
            path, title = f"/v1/customers/{record['id']}", f"title {number}"
            answer = expect(own.write("PATCH", path, {"job_title": title}, headers={"prefer": "respond-async"}), 202)
            places.append(answer.headers["location"])
            staff.change("hubspot", record["meta"]["remote_id"], f"staff{number}")
    return places


def _kill_now_and_then(workers: list[Process], chance: random.Random) -> list[str]:
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 1.0))
        victim = chance.choice(workers)
        victim.kill()
        victim.start()
    return []


def _feed(caller: Caller) -> list[dict[str, Any]]:
    """All Events about customers, oldest first."""
    events = list[dict[str, Any]]()
    after: str | None = None
    while True:
        query = {"type": "customer.*", "limit": "250"} | ({} if after is None else {"after": after})
        page = caller.get("/v1/events", params=query).json()
        events += page["data"]
        if not page["has_more"]:
            return events
        after = page["next_cursor"]


def _assert_told_once(events: list[dict[str, Any]], present: dict[str, Any]) -> None:
    mine = [event for event in events if event["data"]["id"] == present["id"]]
    assert [event["type"] for event in mine] == ["customer.created"] + ["customer.updated"] * (len(mine) - 1)
    for before, after in pairwise(mine):
        assert tuple(after["changed"]) == changed(before["data"], after["data"], Customer) != ()
    assert changed(mine[-1]["data"], present, Customer) == ()
