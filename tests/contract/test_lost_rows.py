"""The database loses the row of a write that was sent, as a failover to a standby that lags does: there is one effect,
and the caller's answer is true."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final

import asyncpg
import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import TIMEOUT, until
from tests.queue.harness import until as until_async

CREATES: Final = (
    *("hubspot customer", "stripe customer", "shopify order", "woocommerce order"),
    *("freshdesk ticket", "zendesk ticket"),
)
COPIES: Final = {
    "hubspot customer": "shopify customer",
    "stripe customer": "hubspot customer",
    "hubspot order": "woocommerce order",
    "stripe order": "hubspot order",
    "freshdesk ticket": "zendesk ticket",
    "zendesk ticket": "hubspot ticket",
}
"""The record to make, and that of which it is a copy."""


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor, whose processes know the facts of every account."""
    folder = tmp_path_factory.mktemp("lost")
    lease = {"LOCKSTITCH_OPERATION_LEASE": "45"}  # an attempt may take as long as the vendor is held
    with all_vendors(folder, module_database_url, **lease) as facade, facade.calling() as caller:
        for name in {*CREATES, *COPIES}:
            sample = SAMPLES[name]
            create_record(caller, sample)
            path, queued = sample.collection(), {"prefer": "respond-async"}
            caller.settled(caller.write("POST", path, sample.body(word()), headers=queued))
        yield facade


full_key = own_key()


class Write:
    """A write whose call is held by the vendor while its row is deleted."""

    def __init__(self, caller: Caller, facade: Facade, name: str) -> None:
        self.sample = SAMPLES[name]
        self.caller, self.facade, self.vendors = caller, facade, facade.vendors
        self.mark, self.key = word(), new_key()
        self.path, self.body = self.sample.collection(), self.sample.body(self.mark)
        self.pool = ThreadPoolExecutor()

    def hold(self) -> None:
        """Have the vendor hold the call that creates the record."""
        self.before = self.ids_at_the_vendor()
        self.vendors.hold(self.sample.vendor, method="POST", path=self.sample.made_at)

    def send(self, prefer: str) -> "Future[httpx.Response]":
        headers = {"prefer": prefer}
        return self.pool.submit(self.caller.write, "POST", self.path, self.body, key=self.key, headers=headers)

    def lose_row(self) -> str:
        """Delete the row of the operation, and return its id."""
        self.vendors.await_held()
        (row,) = self.facade.sql(
            "DELETE FROM operation WHERE idempotency_key = $1 AND phase = 'sent' RETURNING id", self.key
        )
        return str(row["id"])

    def ids_at_the_vendor(self) -> set[str]:
        records = self.vendors.records(self.sample.vendor, self.sample.held_as)
        return {str(record.get("id", record.get("Id"))) for record in records}

    def is_true(self, answer: httpx.Response) -> None:
        """The vendor has one new record, which the answer describes, and which reads as it says."""
        assert answer.status_code == 201, answer.text
        record = answer.json()
        assert {one.rpartition("/")[2] for one in self.ids_at_the_vendor() - self.before} == {
            record["meta"]["remote_id"]
        }
        read = self.caller.get(f"{self.sample.path}/{self.sample.vendor}:{record['meta']['remote_id']}")
        assert {**read.json(), "meta": None} == {**record, "meta": None}
        assert read.json()["meta"]["links"] == record["meta"]["links"]

    def ends_as(self, operation: str) -> None:
        """The operation whose row was lost succeeds, and is what its key names."""
        until(lambda: self.facade.sql("SELECT id FROM operation WHERE id = $1", operation))
        assert self.caller.await_operation(f"/v1/operations/{operation}")["state"] == "succeeded"
        answer = self.send("wait=60").result()
        assert answer.json()["meta"]["operation_id"] == operation
        self.is_true(answer)


@pytest.fixture(params=CREATES)
def write(request: pytest.FixtureRequest, caller: Caller, facade: Facade) -> Iterator[Write]:
    write = Write(caller, facade, request.param)
    write.hold()
    yield write
    facade.vendors.mend()
    write.pool.shutdown()


def test_the_caller_who_waits_gets_the_answer(write: Write) -> None:
    sent = write.send("wait=60")
    operation = write.lose_row()
    write.vendors.mend()

    answer = sent.result()

    write.is_true(answer)
    assert answer.json()["meta"]["operation_id"] == operation
    assert write.send("wait=60").result().content == answer.content


def test_the_caller_who_gets_202_finds_the_outcome(write: Write) -> None:
    sent = write.send("wait=1")
    operation = write.lose_row()
    answer = sent.result()
    write.vendors.mend()

    assert (answer.status_code, answer.json()["id"]) == (202, operation)
    write.ends_as(operation)
    assert write.facade.sql("SELECT deferred FROM operation WHERE id = $1", operation) == [{"deferred": True}]


def test_a_worker_records_what_it_has_sent(write: Write) -> None:
    expect(write.send("respond-async").result(), 202)
    operation = write.lose_row()
    write.vendors.mend()

    write.ends_as(operation)


def test_who_sends_the_key_meanwhile_gets_the_answer_of_the_first(write: Write) -> None:
    first = write.send("wait=60")
    operation = write.lose_row()
    others = [write.send("wait=60"), write.send("wait=1")]
    assert code_of(others[1].result(), 409) == "idempotency-in-progress"
    write.vendors.mend()

    write.is_true(first.result())
    assert first.result().json()["meta"]["operation_id"] == operation
    assert others[0].result().content == first.result().content


@pytest.mark.parametrize("write", ["shopify order", "freshdesk ticket"], indirect=True)
def test_an_alarm_names_both_if_another_process_took_the_key(write: Write) -> None:
    """That process cannot know what the first one has sent."""
    assert write.send("respond-async").result().status_code == 202
    operation = write.lose_row()
    second = write.send("wait=60").result()
    write.vendors.mend()

    assert second.status_code == 201
    until(lambda: write.facade.sql("SELECT id FROM operation WHERE id = $1", operation))
    assert write.caller.await_operation(f"/v1/operations/{operation}")["state"] == "succeeded"
    assert write.send("wait=60").result().content == second.content
    (restored,) = write.facade.sql(
        "SELECT facts FROM audit_event WHERE subject = $1 AND type = 'operation.key_taken'", operation
    )
    assert second.json()["meta"]["operation_id"] in str(restored["facts"])


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_recorded_and_linked_again(caller: Caller, facade: Facade, name: str) -> None:
    """The commit of the link is lost with the row."""
    write, source = Write(caller, facade, name), SAMPLES[COPIES[name]]
    path, record = create_record(caller, source)
    write.path = f"{path}/copies?connection={source.vendor}"
    write.body = {"connection": write.sample.vendor}
    write.hold()
    sent = write.send("wait=60")
    write.vendors.await_held()
    operation = asyncio.run(lose_row_and_link(facade, write))

    answer = sent.result(TIMEOUT)

    assert answer.json()["meta"]["operation_id"] == operation
    assert answer.json()["id"] == record["id"]
    assert {one["connection"] for one in answer.json()["meta"]["links"]} == {source.vendor, write.sample.vendor}
    write.is_true(answer)
    assert write.send("wait=60").result().content == answer.content
    write.pool.shutdown()


async def lose_row_and_link(facade: Facade, write: Write) -> str:
    """Let the vendor answer, and lose the row and the link of the copy when the operation is about to be settled."""
    connection = await asyncpg.connect(facade.database_url)
    is_next = "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    gone = "DELETE FROM link WHERE connection = $1 AND source = 'copy' AND canonical_id = $2 RETURNING 1"
    async with connection.transaction():
        operation: str = await connection.fetchval(
            "DELETE FROM operation WHERE idempotency_key = $1 AND phase = 'sent' RETURNING id", write.key
        )
        await asyncio.to_thread(write.vendors.mend)
        async with asyncio.timeout(TIMEOUT):
            await until_async(partial(connection.fetch, is_next))
        assert await connection.fetchval(gone, write.sample.vendor, write.path.split("/")[3])
    await connection.close()
    return operation
