"""References are resolved at the connection: by link, by id, by address; a person who is missing is created."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.emulators import HELD_MS, Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, customer, order, shop_order, ticket, word
from tests.contract.test_runs import of, run_of
from tests.contract.waiting import TIMEOUT, until

TICKETS = "/v1/tickets?connection=hubspot"
CONTACTS = "/crm/v3/objects/contacts"
ORDERS = "/v1/orders?connection=hubspot"

running_facade, full_key = own_facade()


def ticket_for(mark: str) -> Body:
    """A ticket of a new person."""
    return ticket("hubspot", requester={"email": f"{mark}@example.com", "name": f"Ada {mark}"})


def sold(mark: str, **fields: Any) -> Body:
    """An order of a new person."""
    return shop_order(customer={"email": f"{mark}@example.com", "name": f"Ada {mark}"}, **fields)


def contacts(vendors: Emulators, mark: str) -> list[dict[str, Any]]:
    return vendors.records("hubspot", "contacts", holding=mark)


def calls_of(vendors: Emulators, calls_so_far: int) -> list[str]:
    """Method and path of the calls since then, apart from those for the account."""
    made = vendors.calls("hubspot")[calls_so_far:]
    return [f"{call['method']} {call['path'].partition('/crm/v3/')[2]}" for call in made]


def break_create(vendors: Emulators, kind: str, **fault: Any) -> None:
    """A fault for the next create of a contact."""
    vendors.break_("hubspot", kind, method="POST", path=CONTACTS, **fault)


def operations_of(facade: Facade, run: str) -> list[dict[str, Any]]:
    return facade.sql("SELECT id, object, phase, outcome FROM operation WHERE correlation_id = $1 ORDER BY object", run)


@pytest.mark.parametrize(("path", "body", "part"), [(TICKETS, ticket_for, "requester"), (ORDERS, sold, "customer")])
def test_a_missing_person_is_created_by_its_own_operation(
    facade: Facade, caller: Caller, vendors: Emulators, path: str, body: Any, part: str
) -> None:
    mark = word()
    run = f"run:{mark}"

    made = caller.create(path, body(mark), headers={"x-correlation-id": run})

    (contact,) = contacts(vendors, mark)
    assert (contact["properties"]["firstname"], contact["properties"]["lastname"]) == ("Ada", mark)
    child, parent = operations_of(facade, run)
    assert contact["properties"]["lockstitch_operation_id"] == child["id"]
    assert (child["object"], child["outcome"], parent["outcome"]) == ("customer", "succeeded", "succeeded")
    operation_view = caller.get(f"/v1/operations/{child['id']}").json()
    assert (operation_view["part_of"], operation_view["correlation_id"]) == (parent["id"], run)
    assert operation_view["result"]["id"] == made[part]["id"]
    story = run_of(caller, run, lambda story: len(of(story, "operation")) == 6)
    assert {entry["facts"]["operation"] for entry in of(story, "operation")} == {child["id"], parent["id"]}
    begun = facade.sql("SELECT facts FROM audit_event WHERE correlation_id = $1 AND subject = $2", run, child["id"])
    assert any(parent["id"] in str(row["facts"]) for row in begun)


@pytest.mark.parametrize(("path", "body"), [(TICKETS, ticket_for), (ORDERS, sold)])
def test_a_person_who_is_there_costs_one_look_up(caller: Caller, vendors: Emulators, path: str, body: Any) -> None:
    mark = word()
    person = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
    caller.create(path, body(word()))  # account facts and properties are known now
    calls_so_far = len(vendors.calls("hubspot"))

    made = caller.create(path, body(mark))

    assert (made.get("requester") or made["customer"])["id"] == person["id"]
    calls = calls_of(vendors, calls_so_far)
    before = calls[: calls.index(f"POST objects/{'tickets' if path == TICKETS else 'orders'}")]
    lines = [] if path == TICKETS else ["POST objects/line_items/batch/upsert"]
    assert before == ["POST objects/contacts/batch/read", *lines]
    assert "POST objects/contacts" not in calls


def test_a_person_is_found_by_a_canonical_id_of_another_system_with_an_address(
    caller: Caller, vendors: Emulators
) -> None:
    mark = word()
    shopper = caller.create("/v1/customers?connection=shopify", customer("shopify", mark))
    body = ticket("hubspot", requester={"id": shopper["id"], "email": f"{mark}@example.com"})

    made = caller.create(TICKETS, body)

    assert made["requester"]["email"] == f"{mark}@example.com"
    assert len(contacts(vendors, mark)) == 1


def test_a_vendor_id_of_another_connection_is_followed_by_its_link(facade: Facade, caller: Caller) -> None:
    at_shop = caller.create("/v1/customers?connection=shopify", customer("shopify"))
    at_crm = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    facade.sql("UPDATE link SET canonical_id = $1 WHERE canonical_id = $2", at_shop["id"], at_crm["id"])
    body = ticket("hubspot", requester={"id": f"shopify:{at_shop['meta']['remote_id']}"})

    made = caller.create(TICKETS, body)

    read = caller.get(f"/v1/tickets/{made['id']}?include=raw").json()
    assert at_crm["meta"]["remote_id"] in str(read["raw"])


def test_a_customer_of_another_system_without_an_address_is_kept_as_a_copy(caller: Caller) -> None:
    at_crm = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    body = order(customer={"id": at_crm["id"], "phone": "+493012345678"})
    made = caller.create("/v1/orders?connection=shopify", body)
    assert made["customer"]["phone"] == "+493012345678"
    assert "/customer/id" in [lost["path"] for lost in made["meta"]["loss"]]


def test_a_customer_of_another_system_who_is_unknown_is_lost_if_anything_may_be(caller: Caller) -> None:
    path, body = f"{ORDERS}&loss=any", shop_order(customer={"connection": "shopify", "remote_id": "99999999999"})
    made = caller.create(path, body)
    assert ("/customer/id", "dropped") in [(lost["path"], lost["kind"]) for lost in made["meta"]["loss"]]
    assert made["customer"] is None
    answer = caller.write("POST", ORDERS, body)
    assert (code_of(answer, 422), pointers(answer)) == ("invalid-field", ["/customer/id"])


@pytest.mark.parametrize("queued", [False, True])
def test_nobody_is_created_for_a_write_that_is_refused(caller: Caller, vendors: Emulators, queued: bool) -> None:
    mark = word()
    body = ticket_for(mark) | {"status": "spam"}
    headers = {"prefer": "respond-async"} if queued else {}

    answer = caller.write("POST", TICKETS, body, headers=headers)

    if queued:
        assert caller.settled(answer)["problem"]["errors"][0]["pointer"] == "/status"
    else:
        assert pointers(answer) == ["/status"]
    assert contacts(vendors, mark) == []


def test_missing_refuse_creates_nobody(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    answer = expect(caller.write("POST", f"{TICKETS}&missing=refuse", ticket_for(mark)), 422, "invalid-field")
    assert pointers(answer) == ["/requester"]
    assert "upsert_on=email" in answer.json()["detail"]
    assert contacts(vendors, mark) == []


def test_a_key_that_may_not_write_customers_creates_nobody(facade: Facade, vendors: Emulators) -> None:
    mark = word()
    with facade.calling("tickets:write", "orders:write") as narrow:
        answer = expect(narrow.write("POST", TICKETS, ticket_for(mark)), 422, "invalid-field").json()
        assert "customers:write" in answer["detail"]
        made = narrow.create(ORDERS, sold(mark))
        strict = narrow.write("POST", f"{ORDERS}&loss=none", sold(word()))
    assert "/customer" in [lost["path"] for lost in made["meta"]["loss"]]
    assert made["customer"]["email"] == f"{mark}@example.com"
    assert code_of(strict, 422) == "unsupported-field"
    assert contacts(vendors, mark) == []


def test_a_guest_order_creates_nobody(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    made = caller.create(ORDERS, sold(mark, is_guest=True))
    assert made["customer"]["email"] == f"{mark}@example.com"
    assert contacts(vendors, mark) == []


@pytest.mark.parametrize("connection", ["shopify", "zendesk"])
def test_a_system_that_keeps_a_copy_gets_no_customer_operation(facade: Facade, caller: Caller, connection: str) -> None:
    run = f"run:{word()}"
    path, body = ("/v1/orders", order()) if connection == "shopify" else ("/v1/tickets", ticket_for(word()))
    caller.create(f"{path}?connection={connection}", body, headers={"x-correlation-id": run})
    assert [row["object"] for row in operations_of(facade, run)] == [path[4:-1]]


def test_two_writes_with_the_same_new_person_create_one(facade: Facade, full_key: str, vendors: Emulators) -> None:
    mark = word()

    async def at_once() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {full_key}", "prefer": "wait=30"}
        async with httpx.AsyncClient(base_url=facade.api.url, timeout=60, headers=headers) as http:
            calls = [
                http.post(path, json=body(mark), headers={"idempotency-key": new_key()})
                for path, body in ((TICKETS, ticket_for), (ORDERS, sold)) * 4
            ]
            return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())

    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len(contacts(vendors, mark)) == 1
    named = [answer.json().get("requester") or answer.json()["customer"] for answer in answers]
    assert len({person["id"] for person in named}) == 1


def test_a_queued_write_creates_its_person_in_the_worker(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    run = f"run:{mark}"
    headers = {"x-correlation-id": run, "prefer": "respond-async"}

    ended = caller.settled(caller.write("POST", TICKETS, ticket_for(mark), headers=headers))

    assert ended["state"] == "succeeded", ended
    assert len(contacts(vendors, mark)) == 1
    assert [row["object"] for row in operations_of(facade, run)] == ["customer", "ticket"]


@pytest.mark.parametrize("queued", [False, True])
def test_a_lost_reply_about_the_person_creates_one(
    facade: Facade, caller: Caller, vendors: Emulators, queued: bool
) -> None:
    mark = word()
    break_create(vendors, "timeout_after_commit", delay_ms=0)
    headers = {"prefer": "respond-async" if queued else "wait=30"}

    answer = caller.write("POST", TICKETS, ticket_for(mark), headers=headers)

    made = answer.json() if answer.status_code == 201 else caller.settled(answer)["result"]
    assert made["requester"]["email"] == f"{mark}@example.com"
    assert len(contacts(vendors, mark)) == 1
    assert len(vendors.records("hubspot", "tickets", holding=made["subject"])) == 1


def test_a_person_whom_the_vendor_refuses_is_named_in_the_problem(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    break_create(vendors, "status", status=400)
    answer = expect(caller.write("POST", TICKETS, ticket_for(mark)), 422, "invalid-field")
    assert pointers(answer) == ["/requester"]
    assert vendors.records("hubspot", "tickets", holding=mark) == []


def test_a_ticket_goes_to_another_requester_who_is_found_or_created(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    mark, run = word(), f"run:{word()}"
    made = caller.create("/v1/tickets?connection=zendesk", ticket("zendesk"))
    known = caller.create("/v1/customers?connection=zendesk", customer("zendesk"))
    for address, name in (
        (known["emails"][0]["address"], known["display_name"]),
        (f"{mark}@example.com", f"Ada {mark}"),
    ):
        change = {"requester": {"email": address, "name": name}}
        path = f"/v1/tickets/{made['id']}?loss=none"
        changed = expect(caller.write("PATCH", path, change, headers={"x-correlation-id": run})).json()
        assert change["requester"].items() <= changed["requester"].items()
        (person,) = vendors.records("zendesk", "users", holding=address)
        (stored,) = vendors.records("zendesk", "tickets", holding=made["subject"])
        assert stored["requester_id"] == person["id"]
    assert [row["object"] for row in operations_of(facade, run)] == ["customer", "ticket", "ticket"]
    refused = caller.write(
        "PATCH", f"/v1/tickets/{made['id']}?missing=refuse", {"requester": {"email": f"n{mark}@example.com"}}
    )
    assert pointers(expect(refused, 422, "invalid-field")) == ["/requester"]


def test_a_dry_run_shows_a_placeholder_and_creates_nobody(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    headers = {"x-lockstitch-mapping": "hubspot.ticket@r1"}
    answer = expect(caller.write("POST", TICKETS, ticket_for(mark), headers=headers)).json()
    assert "new-customer" in str(answer["request"]["body"])
    assert contacts(vendors, mark) == []


@pytest.fixture
def without_worker(facade: Facade) -> Iterator[None]:
    """Only the caller's own retries continue a write."""
    facade.worker.stop()
    yield
    facade.worker.start()


BOTH_BEGUN = """
    SELECT id FROM operation WHERE correlation_id = $1 AND object = 'ticket'
       AND EXISTS (SELECT FROM operation WHERE correlation_id = $1 AND object = 'customer')
"""
BLOCKED = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE operation%'"


async def wait_for(watcher: Any, statement: str, *arguments: Any) -> Any:
    """The first value of the statement, once it has one."""
    for _ in range(int(TIMEOUT / 0.01)):
        value = await watcher.fetchval(statement, *arguments)
        if value is not None:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError(f"nothing was found by {statement}")


@pytest.mark.usefixtures("without_worker")
def test_a_parent_killed_after_its_child_makes_no_second_person(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    """Even if the person cannot be found by address any more: the child is recognised by its key."""
    mark, key = word(), new_key()
    run, body = f"run:{mark}", ticket_for(mark)
    break_create(vendors, "slow", delay_ms=HELD_MS)

    async def kill_between() -> None:
        headers = {"authorization": caller.headers["authorization"], "idempotency-key": key, "x-correlation-id": run}
        holder, watcher = [await asyncpg.connect(facade.database_url) for _ in range(2)]
        async with httpx.AsyncClient(base_url=facade.api.url, timeout=60, headers=headers) as http:
            sending = asyncio.create_task(http.post(TICKETS, json=body))
            parent = await wait_for(watcher, BOTH_BEGUN, run)
            holding = holder.transaction()
            await holding.start()
            await holder.execute("SELECT FROM operation WHERE id = $1 FOR UPDATE", parent)
            await asyncio.to_thread(vendors.mend)
            blocked = await wait_for(watcher, BLOCKED)
            await asyncio.to_thread(facade.api.kill)
            await watcher.execute("SELECT pg_terminate_backend($1)", blocked)
            await holding.rollback()
            with pytest.raises(httpx.TransportError):
                await sending
        await holder.close()
        await watcher.close()

    asyncio.run(kill_between())
    child, parent = operations_of(facade, run)
    assert (child["outcome"], parent["phase"]) == ("succeeded", "received")
    facade.api.start()
    (contact,) = contacts(vendors, mark)
    renamed = {"emails": [{"address": f"{word()}@example.com"}]}
    assert caller.write("PATCH", f"/v1/customers/hubspot:{contact['id']}", renamed).status_code == 200

    def retry() -> httpx.Response:
        return caller.write("POST", TICKETS, body, key=key)

    answer = until(retry, lambda answer: answer.status_code == 201)

    assert len(contacts(vendors, mark)) == 1
    tickets = vendors.records("hubspot", "tickets", holding=answer.json()["meta"]["operation_id"])
    assert len(tickets) == 1
    assert answer.json()["requester"]["email"] == renamed["emails"][0]["address"]
