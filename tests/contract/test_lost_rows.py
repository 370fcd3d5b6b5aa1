"""The database loses the row of a write that was sent, as a failover to a standby that lags does: there is one effect,
and the caller's answer is true."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer, shop_order, ticket, word
from tests.contract.waiting import until

ROADS: Final = [
    pytest.param(
        ("hubspot", "customers", partial(customer, "hubspot"), "contacts", "/crm/v3/objects/contacts"), id="customer"
    ),
    pytest.param(("hubspot", "orders", shop_order, "orders", "/crm/v3/objects/orders"), id="order"),
    pytest.param(("zendesk", "tickets", partial(ticket, "zendesk"), "tickets", "/api/v2/tickets"), id="ticket"),
]


class Write:
    """A write whose call is held by the vendor while its row is deleted."""

    def __init__(self, caller: Caller, facade: Facade, vendors: Emulators, road: tuple[Any, ...]) -> None:
        self.vendor, self.plural, sample, self.records, self.path = road
        self.caller, self.facade, self.vendors = caller, facade, vendors
        self.mark, self.key = word(), new_key()
        self.body = sample(self.mark)
        self.pool = ThreadPoolExecutor()

    def send(self, prefer: str) -> "Future[httpx.Response]":
        path = f"/v1/{self.plural}?connection={self.vendor}"
        return self.pool.submit(self.caller.write, "POST", path, self.body, key=self.key, headers={"prefer": prefer})

    def lose_row(self) -> str:
        """Delete the row of the operation, and return its id."""
        self.vendors.await_held()
        (row,) = self.facade.sql("DELETE FROM operation WHERE idempotency_key = $1 RETURNING id", self.key)
        return str(row["id"])

    def is_one_at_the_vendor(self) -> bool:
        return len(self.vendors.records(self.vendor, self.records, holding=self.mark)) == 1

    def ends_as_operation(self, operation: str) -> dict[str, Any]:
        until(lambda: self.facade.sql("SELECT id FROM operation WHERE id = $1", operation))
        return self.caller.await_operation(f"/v1/operations/{operation}")


@pytest.fixture(params=ROADS)
def write(request: pytest.FixtureRequest, caller: Caller, facade: Facade, vendors: Emulators) -> Iterator[Write]:
    write = Write(caller, facade, vendors, request.param)
    vendors.hold(write.vendor, method="POST", path=write.path)
    yield write
    vendors.mend()
    write.pool.shutdown()


def test_the_caller_who_waits_gets_the_answer(write: Write) -> None:
    sent = write.send("wait=60")
    operation = write.lose_row()
    write.vendors.mend()

    answer = sent.result()

    assert answer.status_code == 201, answer.text
    assert answer.json()["meta"]["operation_id"] == operation
    assert write.send("wait=60").result().content == answer.content
    assert write.is_one_at_the_vendor()


def test_the_caller_who_gets_202_finds_the_outcome(write: Write) -> None:
    sent = write.send("wait=1")
    operation = write.lose_row()
    answer = sent.result()
    write.vendors.mend()

    assert (answer.status_code, answer.json()["id"]) == (202, operation)
    assert write.ends_as_operation(operation)["state"] == "succeeded"
    assert write.is_one_at_the_vendor()


def test_a_worker_records_what_it_has_sent(write: Write) -> None:
    sent = write.send("respond-async").result()
    assert sent.status_code == 202
    operation = write.lose_row()
    write.vendors.mend()

    assert write.ends_as_operation(operation)["state"] == "succeeded"
    assert write.send("wait=60").result().status_code == 201
    assert write.is_one_at_the_vendor()


@pytest.mark.parametrize("write", ROADS[2:], indirect=True)
def test_who_took_the_key_meanwhile_keeps_it(write: Write) -> None:
    first = write.send("wait=60")
    operation = write.lose_row()
    second = write.send("wait=60").result()
    write.vendors.mend()

    assert (first.result().status_code, second.status_code) == (201, 201)
    assert first.result().json()["meta"]["operation_id"] == operation
    assert write.send("wait=60").result().content == second.content
    (restored,) = write.facade.sql(
        "SELECT facts FROM audit_event WHERE subject = $1 AND type = 'operation.key_taken'", operation
    )
    assert second.json()["meta"]["operation_id"] in str(restored["facts"])


def test_a_copy_is_recorded_and_linked_again(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark, key = word(), new_key()
    source = caller.create("/v1/customers?connection=shopify", customer("shopify", mark))
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    with ThreadPoolExecutor() as pool:
        path, order = f"/v1/customers/{source['id']}/copies", {"connection": "hubspot", "match_on": "email"}
        sent = pool.submit(caller.write, "POST", path, order, key=key, headers={"prefer": "wait=60"})
        vendors.await_held()
        facade.sql("DELETE FROM operation WHERE idempotency_key = $1", key)
        vendors.mend()
        answer = sent.result()

    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == source["id"]
    assert {one["connection"] for one in answer.json()["meta"]["links"]} == {"shopify", "hubspot"}
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    assert caller.write("POST", path, order, key=key).content == answer.content
