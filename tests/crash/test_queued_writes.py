"""Queued writes while their workers are killed with -9 and replies are lost: in order per record, one effect each."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, new_key
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.samples import customer, order, word

RECORDS: Final = 8
CHANGES: Final = 12
ORDERS: Final = 60
KILLS: Final = 5
DECIDED_WITHIN: Final = 150.0
LOST_SHARE: Final = 0.1


@pytest.fixture
def facade(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Facade]:
    """With leases that are noticed soon, so that a test need not wait as long as production may."""
    facade = Facade(
        tmp_path_factory.mktemp("queued"),
        database_url,
        more='\n[writes.orders]\nmode = "queued"\n',
        LOCKSTITCH_JOB_LEASE="2",
        LOCKSTITCH_OPERATION_LEASE="3",
    )
    with facade.running():
        yield facade


@pytest.mark.parametrize("seed", [1])
def test_order_and_one_effect_while_workers_die(facade: Facade, seed: int) -> None:
    chance = random.Random(seed)
    vendors = facade.vendors
    second = facade.process("worker")
    second.start()
    try:
        with facade.calling() as caller:
            records = [caller.create("/v1/customers", customer("hubspot")) for _ in range(RECORDS)]
            _lose_replies(facade, seed)
            written = _write_all(facade, caller, records, chance)
            _kill_now_and_then([facade.worker, second], chance)
            vendors.mend()
            done = _await_all(caller, written)
    finally:
        second.stop()

    assert Counter(operation["state"] for operation in done.values()) == {"succeeded": len(written)}
    _assert_in_order(facade, records)
    for mark in [what for what in written if what.startswith("order-")]:
        assert len(vendors.records("shopify", "Order", holding=mark)) == 1
    announced = facade.sql("SELECT origin, count(*) AS number FROM event WHERE type = 'operation.finished' GROUP BY 1")
    assert {row["number"] for row in announced} == {1}
    assert len(announced) == len(written)
    assert facade.sql("SELECT id FROM job WHERE kind = 'execute'") == []


def _lose_replies(facade: Facade, seed: int) -> None:
    for vendor, method in (("hubspot", "PATCH"), ("shopify", "POST")):
        fault = {
            "vendor": vendor,
            "match": {"method": method},
            "fault": {"kind": "timeout_after_commit", "delay_ms": 0},
            "rate": LOST_SHARE,
            "seed": seed,
        }
        httpx.post(f"{facade.vendors.url}/_emulator/faults", json=fault).raise_for_status()


def _write_all(facade: Facade, caller: Caller, records: list[dict[str, Any]], chance: random.Random) -> dict[str, str]:
    """Changes of each record in order, and orders among them; where each will be decided."""
    written: dict[str, str] = {}

    def change(place: int) -> None:
        with facade.calling(secret=caller.secret) as own:
            for number in range(CHANGES):
                body = {"job_title": f"title-{place}-{number:02d}."}
                answer = own.write(
                    "PATCH", f"/v1/customers/{records[place]['id']}", body, headers={"prefer": "respond-async"}
                )
                assert answer.status_code == 202, answer.text
                written[f"title-{place}-{number:02d}."] = answer.headers["location"]

    def sell() -> None:
        with facade.calling(secret=caller.secret) as own:
            for _ in range(ORDERS):
                mark, key = f"order-{word()}", new_key()
                for _ in range(chance.choice((1, 1, 2))):  # now and then a caller sends it again
                    answer = own.write("POST", "/v1/orders", order(mark), key=key, headers={"prefer": "wait=0"})
                if answer.status_code == 202:
                    written[mark] = answer.headers["location"]
                else:
                    assert answer.status_code == 201, answer.text
                    written[mark] = f"/v1/operations/{answer.json()['meta']['operation_id']}"

    with ThreadPoolExecutor(RECORDS + 1) as threads:
        tasks = [threads.submit(change, place) for place in range(RECORDS)] + [threads.submit(sell)]
        for task in tasks:
            task.result()
    return written


def _kill_now_and_then(workers: list[Process], chance: random.Random) -> None:
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.3, 1.5))
        victim = chance.choice(workers)
        victim.kill()
        victim.start()


def _await_all(caller: Caller, written: dict[str, str]) -> dict[str, dict[str, Any]]:
    deadline, done = time.monotonic() + DECIDED_WITHIN, {}
    for what, path in written.items():
        while what not in done:
            operation = caller.get(path).json()
            if operation["state"] in ("succeeded", "failed", "unknown"):
                done[what] = operation
                continue
            assert time.monotonic() < deadline, operation
            time.sleep(0.1)
    return done


def _assert_in_order(facade: Facade, records: list[dict[str, Any]]) -> None:
    """What was sent for a record never goes back; a repeat is what follows a lost reply."""
    sent: dict[str, list[str]] = {}
    for call in facade.vendors.calls("hubspot"):
        title = str(((call["body"] or {}).get("properties") or {}).get("jobtitle", "")) if call["body"] else ""
        if call["method"] == "PATCH" and title.startswith("title-"):
            sent.setdefault(title.split("-")[1], []).append(title)
    assert len(sent) == len(records)
    for place, titles in sent.items():
        assert titles == sorted(titles), titles
        assert len(set(titles)) == CHANGES
        (contact,) = facade.vendors.records("hubspot", "contacts", holding=f"title-{place}-")
        assert contact["properties"]["jobtitle"] == f"title-{place}-{CHANGES - 1:02d}."
