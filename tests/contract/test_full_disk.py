"""The disk of PostgreSQL is full: first its tables cannot grow, then its log cannot either, and it stops.

Nothing that was accepted is lost, and nothing happens twice. Every answer says what is wrong, and all goes on by itself
once there is space.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from app.postgres.migrate import migrate
from tests.contract.callers import Caller, new_key
from tests.contract.doctor.shell import findings_of, the
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.person import Person
from tests.contract.processes import NO_TLS, Process
from tests.contract.samples import customer, word
from tests.contract.small_disks import SmallDisk, small_disk
from tests.contract.subscribers import Hook, SubscriberServer, subscribe
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, shopify
from tests.fixtures import opened

FULL: Final = "database's disk is full"
CONTACTS: Final = "/crm/v3/objects/contacts"
SWITCH: Final = "SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'fill', repeat('x', 1000))"


class Traffic:
    """Writes and webhooks at a Lockstitch, each sent again until it is accepted, as callers and vendors do."""

    def __init__(self, facade: Facade, caller: Caller, hook: Hook, browser: Operator) -> None:
        self.facade, self.caller, self.hook, self.browser = facade, caller, hook, browser
        self.webhooks = WebhookEndpoint(facade, "shopify")
        self.writes: dict[str, dict[str, Any]] = {}
        self.reported: set[bytes] = set()

    def write(self, prefer: str = "wait=30") -> httpx.Response:
        """Create a customer."""
        key, mark = new_key(), word()
        self.writes[key] = customer("hubspot", mark)
        return self._write(key, prefer)

    def _write(self, key: str, prefer: str = "wait=30") -> httpx.Response:
        return self.caller.write("POST", "/v1/customers", self.writes[key], key=key, headers={"prefer": prefer})

    def report(self) -> int:
        """Send a webhook of a new buyer, and return the status of the answer."""
        mark = word()
        placed = self.facade.vendors.place("shopify", "Customer", {"firstName": mark})
        body = json.dumps({"id": int(placed["id"].rpartition("/")[2])}).encode()
        answer = self.webhooks.send(shopify(topic="customers/create", body=body))
        if answer.status_code == 202:
            self.reported.add(mark.encode())
        return answer.status_code

    def has_one_effect_each(self) -> None:
        """Repeat every write until it is answered: the vendor has each once. Each accepted webhook is delivered."""
        for key, body in self.writes.items():
            until(partial(self._write, key), lambda answer: answer.status_code == 201)
            assert len(self.facade.vendors.records("hubspot", "contacts", holding=body["last_name"])) == 1
        until(self._undelivered, lambda marks: not marks)
        until(lambda: self.facade.sql("SELECT kind, state, attempts FROM job"), lambda rows: not rows)
        assert self.facade.sql("SELECT FROM dead_letter") == []

    def _undelivered(self) -> set[bytes]:
        return {mark for mark in self.reported if not any(mark in post.body for post in self.hook.posts)}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """A small disk with a migrated database."""
    with small_disk(tmp_path_factory.mktemp("server") / "log") as disk:
        asyncio.run(migrate(disk.url))
        yield disk


person = opened(lambda: closing(Person()), "module")
"""Who is sent the alarms."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory, disk: SmallDisk, person: Person) -> Iterator[Traffic]:
    """Traffic at a Lockstitch on that disk, with a subscriber to everything."""
    subscribers = SubscriberServer()
    facade = Facade(
        tmp_path_factory.mktemp("full"),
        disk.url,
        more='\n[alerts]\nurl = "env:ALARM_URL"\n',
        ALARM_URL=f"{person.url}/full",
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{subscribers.port}",
        LOCKSTITCH_DELIVERY_LADDER="0.2,0.5,1,2,5,5,5,5,5,600",
    )
    try:
        with facade.running():
            key = facade.make_key(name="night-shift").secret
            with Caller(facade.api.url, key) as caller, Operator(facade.api.url) as browser:
                browser.sign_in(key)
                hook = subscribers.hook("all")
                subscribe(caller, hook)
                yield Traffic(facade, caller, hook, browser)
    finally:
        subscribers.close()


def refusal(answer: httpx.Response) -> str:
    """What a refused call says. It names no more than the fault, and when to repeat it."""
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["next_step"]
    return answer.json()["detail"]


def readiness(process: Process) -> tuple[int, str]:
    answer = httpx.get(f"{process.url}/health/ready", verify=NO_TLS)
    return answer.status_code, answer.json().get("detail", "")


def is_unready(process: Process, why: str) -> None:
    until(partial(readiness, process), lambda answer: answer[0] == 503 and why in answer[1], timeout=30)


@contextmanager
def idling(process: Process) -> Iterator[None]:
    """The process waits during the block, rather than trying without a pause: it uses a third of one core at most."""
    began, used = time.monotonic(), cpu_seconds(process)
    yield
    assert cpu_seconds(process) - used < (time.monotonic() - began) / 3


def cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def write_under_way(traffic: Traffic) -> Iterator[None]:
    """The vendor holds a write until `mend`, and its caller is answered by the end of the block."""
    traffic.facade.vendors.hold("hubspot", method="POST", path=CONTACTS)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(traffic.write)
        traffic.facade.vendors.await_held()
        yield
        assert answer.result().status_code in (201, 202) or refusal(answer.result())


def test_tables_that_cannot_grow(traffic: Traffic, disk: SmallDisk, person: Person) -> None:
    facade = traffic.facade
    assert (traffic.write().status_code, traffic.report()) == (201, 202)
    assert traffic.write("respond-async").status_code == 202
    facade.sql(SWITCH)  # the log has a new file, with room for what follows
    with write_under_way(traffic), disk.full(), idling(facade.worker):
        # A server whose disk is full may also refuse a new connection, and then does not say why.
        until(traffic.write, lambda answer: answer.status_code == 503 and FULL in refusal(answer))
        until(traffic.report, lambda status: status == 503)
        facade.vendors.mend()
        for process in (facade.api, facade.worker):
            is_unready(process, FULL)
        assert "disk is full" in person.is_told("database_unwritable")["summary"]
        assert "Free space" in the(findings_of(facade.lockstitch("doctor", "--json")), "database", FULL)["mend"]
        status = facade.lockstitch("status")  # PostgreSQL may refuse a new connection, which reads no less clearly
        assert "disk is full" in status.stdout + status.stderr
        assert "disk is full" in traffic.browser.get("/console").text
        assert "PANIC" not in disk.log
    person.is_told_the_end("database_unwritable")
    traffic.has_one_effect_each()


def test_a_log_that_cannot_grow(traffic: Traffic, disk: SmallDisk, person: Person) -> None:
    facade = traffic.facade
    assert traffic.write("respond-async").status_code == 202
    with write_under_way(traffic), disk.full(), idling(facade.worker):
        use_up_the_log(facade)
        starts = until(lambda: disk.starts, lambda starts: starts > 1)
        facade.vendors.mend()
        refusal(traffic.write())
        assert traffic.report() == 503
        for process in (facade.api, facade.worker):
            is_unready(process, "not available")
        assert "its log says why" in person.is_told("database_away")["next_step"]
        findings = findings_of(facade.lockstitch("doctor", "--json"))
        assert "its log says why" in the(findings, "database", "does not answer")["mend"]
        assert "does not answer" in facade.lockstitch("status").stderr
        assert "does not answer" in traffic.browser.get("/console").text
        assert disk.starts > starts  # each time it stops in its recovery
        assert "No space left on device" in disk.log
    person.is_told_the_end("database_away")
    traffic.has_one_effect_each()


def use_up_the_log(facade: Facade) -> None:
    """Write to the log until PostgreSQL stops."""
    with suppress(asyncpg.PostgresError, OSError):
        while True:
            facade.sql(SWITCH)
