"""A vendor's reply that is lost: 202 at first, then the answer, and the effect exactly once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, new_key
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, customer, order, ticket, word
from tests.contract.waiting import ABSENCE, PASS_TIME, until

HUBSPOT: Final = "/crm/v3/objects"
SHOPIFY: Final = "/admin/api/2026-07/graphql.json"
ZENDESK: Final = "/api/v2"
# The vendor did it and the reply was lost; the request was lost on its way; the vendor broke, and does not say where.
LOSSES: Final[dict[str, dict[str, Any]]] = {
    "timeout_after_commit": {"delay_ms": 0},
    "reset": {},
    "status": {"status": 500},
}
Prepare = Callable[[Caller, str], tuple[str, str, Any]]
"""Makes what the write needs and gives its method, path and body; the mark occurs in the body."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A write, and which of the vendor's calls has its effect: the first fitting one after `reads` others. `lives`
    says that the client itself may repeat that call, because the vendor recognises it, and `listed` that only a list
    shows what never arrived."""

    connection: Vendor
    prepare: Prepare
    method: str
    path: str
    reads: int = 0
    lives: bool = False
    listed: bool = False
    status: int = 201


def create(name: str) -> Prepare:
    kind = KINDS[name]
    return lambda _caller, mark: ("POST", kind.collection, kind.sample(mark))


def upsert(name: str, key: str) -> Prepare:
    kind = KINDS[name]

    def prepare(_caller: Caller, mark: str) -> tuple[str, str, Any]:
        body = kind.sample(mark) | ({"external_id": mark} if key == "external_id" else {})
        return "POST", f"{kind.collection}&upsert_on={key}", body

    return prepare


def change(name: str, field: str) -> Prepare:
    kind = KINDS[name]

    def prepare(caller: Caller, mark: str) -> tuple[str, str, Any]:
        made = caller.create(kind.collection, kind.sample())
        return "PATCH", f"{kind.path}/{made['id']}", {field: mark}

    return prepare


def archive(name: str) -> Prepare:
    def prepare(caller: Caller, mark: str) -> tuple[str, str, Any]:
        made = caller.create(KINDS[name].collection, KINDS[name].sample(mark))
        return "DELETE", f"/v1/customers/{made['id']}", None

    return prepare


def cancel(caller: Caller, mark: str) -> tuple[str, str, Any]:
    made = caller.create("/v1/orders", order(mark))
    return "POST", f"/v1/orders/{made['id']}/cancel", {"reason": "customer", "restock": True}


def comment(caller: Caller, mark: str) -> tuple[str, str, Any]:
    made = caller.create("/v1/tickets", ticket("zendesk"))
    return "POST", f"/v1/tickets/{made['id']}/comments", {"body_text": f"On its way: {mark}"}


def hubspot(prepare: Prepare, method: str, path: str, **facts: Any) -> Case:
    return Case(connection="hubspot", prepare=prepare, method=method, path=f"{HUBSPOT}/{path}", **facts)


def shopify(prepare: Prepare, **facts: Any) -> Case:
    return Case(connection="shopify", prepare=prepare, method="POST", path=SHOPIFY, **facts)


def zendesk(prepare: Prepare, method: str, path: str, **facts: Any) -> Case:
    return Case(connection="zendesk", prepare=prepare, method=method, path=f"{ZENDESK}/{path}", **facts)


CASES: Final = {
    "hubspot customer created": hubspot(create("hubspot customer"), "POST", "contacts"),
    "hubspot customer changed": hubspot(change("hubspot customer", "job_title"), "PATCH", "contacts/", status=200),
    "hubspot customer archived": hubspot(archive("hubspot customer"), "DELETE", "contacts/", status=200),
    "hubspot customer upserted by address": hubspot(upsert("hubspot customer", "email"), "POST", "contacts"),
    "hubspot customer upserted": hubspot(upsert("hubspot customer", "external_id"), "POST", "contacts"),
    "hubspot order created": hubspot(create("hubspot order"), "POST", "orders"),
    "hubspot order created after its lines": hubspot(
        create("hubspot order"), "POST", "line_items/batch/upsert", lives=True
    ),
    "hubspot order changed": hubspot(change("hubspot order", "customer_note"), "PATCH", "orders/", status=200),
    "hubspot order upserted": hubspot(upsert("hubspot order", "external_id"), "POST", "orders"),
    "hubspot ticket created": hubspot(create("hubspot ticket"), "POST", "tickets"),
    "hubspot ticket changed": hubspot(change("hubspot ticket", "subject"), "PATCH", "tickets/", status=200),
    "hubspot ticket upserted": hubspot(upsert("hubspot ticket", "external_id"), "POST", "tickets"),
    "shopify customer created": shopify(create("shopify customer")),
    "shopify customer changed": shopify(change("shopify customer", "notes"), reads=1, status=200),
    "shopify customer upserted by address": shopify(upsert("shopify customer", "email"), reads=1),
    "shopify customer upserted": shopify(upsert("shopify customer", "external_id"), reads=1),
    "shopify order created": shopify(create("shopify order")),
    "shopify order changed": shopify(change("shopify order", "customer_note"), reads=1, status=200),
    "shopify order upserted": shopify(upsert("shopify order", "external_id"), reads=1),
    "shopify order cancelled": shopify(cancel, reads=1, status=200),
    "zendesk customer created": zendesk(create("zendesk customer"), "POST", "users"),
    "zendesk customer changed": zendesk(change("zendesk customer", "notes"), "PUT", "users/", status=200),
    "zendesk customer archived": zendesk(archive("zendesk customer"), "DELETE", "users/", status=200),
    "zendesk customer upserted by address": zendesk(
        upsert("zendesk customer", "email"), "POST", "users/create_or_update", lives=True
    ),
    "zendesk customer upserted": zendesk(upsert("zendesk customer", "external_id"), "POST", "users"),
    "zendesk ticket created": zendesk(create("zendesk ticket"), "POST", "tickets", lives=True),
    "zendesk ticket changed": zendesk(change("zendesk ticket", "subject"), "PUT", "tickets/", status=200),
    "zendesk ticket upserted": zendesk(upsert("zendesk ticket", "external_id"), "POST", "tickets", lives=True),
    "zendesk comment added": zendesk(comment, "PUT", "tickets/", listed=True),
}
# How often a call is made that the vendor recognises.
ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A write whose reply from the vendor was lost, with the caller's first answers."""

    mark: str
    key: str
    request: tuple[str, str, Any]
    first: httpx.Response
    second: httpx.Response


@pytest.fixture(scope="module")
def sent(running_facade: Facade, full_key: str) -> dict[tuple[str, str], Sent]:
    """Every case under every loss, sent while no worker runs; then the worker starts."""
    vendors = running_facade.vendors
    running_facade.worker.stop()
    try:
        with running_facade.calling(secret=full_key) as caller:
            for kind in KINDS.values():
                caller.create(kind.collection, kind.sample())  # the first write of a process prepares the account
            done = {(name, loss): send(caller, vendors, CASES[name], loss) for name in CASES for loss in LOSSES}
    finally:
        vendors.mend()
        running_facade.worker.start()
    return done


def send(caller: Caller, vendors: Emulators, case: Case, loss: str) -> Sent:
    mark, key = word(), new_key()
    request = case.prepare(caller, mark)
    # A read and a write that go well, so that the losses here do not look like a vendor that is down.
    assert caller.get(f"/v1/customers?connection={case.connection}&limit=1").status_code == 200
    caller.create(f"/v1/customers?connection={case.connection}", customer(case.connection))
    fault: dict[str, Any] = {"method": case.method, "path": case.path}
    if case.reads:
        vendors.break_(case.connection, "slow", times=case.reads, delay_ms=0, **fault)
    vendors.break_(case.connection, loss, times=ATTEMPTS if case.lives else 1, **fault, **LOSSES[loss])
    first = caller.write(*request, key=key)
    assert vendors.standing_faults() == [], first.text
    return Sent(mark=mark, key=key, request=request, first=first, second=caller.write(*request, key=key))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CASES)
def test_a_lost_reply(
    caller: Caller,
    facade: Facade,
    vendors: Emulators,
    sent: dict[tuple[str, str], Sent],
    name: str,
    loss: str,
) -> None:
    case, write = CASES[name], sent[name, loss]
    for answer in (write.first, write.second):
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "executing"
        assert answer.headers["location"] == f"/v1/operations/{answer.json()['id']}"
        assert answer.json()["correlation_id"] == write.first.headers["x-correlation-id"]
    assert write.first.headers["location"] == write.second.headers["location"]

    if case.listed and loss != "timeout_after_commit":
        until(lambda: facade.sql(ABSENCE, write.first.json()["id"])[0]["absent"])
        facade.sql(PASS_TIME, write.first.json()["id"])
    operation = caller.await_operation(write.first.headers["location"])
    assert operation["state"] == "succeeded", operation

    answer = caller.write(*write.request, key=write.key)
    # Zendesk's create_or_update cannot tell that the lost request was our own.
    expected = (200, 201) if "create_or_update" in case.path else (case.status,)
    assert answer.status_code in expected, answer.text
    assert answer.headers["idempotent-replayed"] == "true"
    assert answer.json() == operation["result"]
    assert answer.json()["meta"]["operation_id"] == operation["id"]
    assert ("location" in answer.headers) == (answer.status_code == 201 and "comment" not in name)
    assert effects(vendors, name, write) == 1
    if name.startswith("hubspot order") and case.status == 201:
        assert len(vendors.records("hubspot", "line_items", holding=operation["id"])) == 1
    if loss == "timeout_after_commit" and not case.lives:
        assert requests(vendors, case, write) == 1


def effects(vendors: Emulators, name: str, write: Sent) -> int:
    """How many records, values or comments the vendor has of this write."""
    vendor, thing, verb = name.split()[:3]
    if verb == "added":
        return len(vendors.records("zendesk", "comments", holding=write.mark))
    kind = KINDS[f"{vendor} {thing}"]
    records = vendors.records(kind.connection, kind.held_as, holding=write.mark)
    if verb == "cancelled":
        return sum(bool(one["cancelledAt"]) for one in records)
    if verb == "archived":
        return sum(bool(one.get("archived") or one.get("active") is False) for one in records)
    return len(records)


def requests(vendors: Emulators, case: Case, write: Sent) -> int:
    """Count the requests with the write's effect. An archive or cancellation has no body to count by: the record shows
    that it was done."""
    if write.mark not in str(write.request[2]):
        return 1
    calls = [call for call in vendors.calls(case.connection) if write.mark in str(call["body"])]
    return sum(call["path"] != f"{case.path}/batch/read" and is_effect(case, call) for call in calls)


def is_effect(case: Case, call: dict[str, Any]) -> bool:
    return case.connection != "shopify" or call["body"]["query"].lstrip().startswith("mutation")
