"""Create or update by a unique key: 201 or 200, and one record even for simultaneous requests."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, expect, new_key, parameters, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import VENDORS, Facade
from tests.contract.processes import Process
from tests.contract.samples import KINDS, Body, Kind, customer, word

CHANGES: dict[str, Body] = {
    "hubspot customer": {"job_title": "Potter"},
    "shopify customer": {"notes": "Likes blue."},
    "zendesk customer": {"notes": "Likes blue."},
    "shopify order": {"customer_note": "Ring twice."},
    "hubspot order": {"customer_note": "Ring twice."},
    "hubspot ticket": {"subject": "Both mugs"},
    "zendesk ticket": {"subject": "Both mugs"},
}
UPSERTABLE = [
    (name, key)
    for name, kind in KINDS.items()
    for key in ("email", "external_id")
    if key == "external_id" or kind.path == "/v1/customers"
]


def described(kind: Kind, key: str, mark: str) -> Body:
    """A record that this key names."""
    return kind.sample(mark) | ({"external_id": f"key-{mark}"} if key == "external_id" else {})


def identity(kind: Kind, key: str, body: Body) -> Body:
    """Only what the record is found by."""
    return {"emails": body["emails"]} if key == "email" else {"external_id": body["external_id"]}


@pytest.mark.parametrize(("name", "key"), UPSERTABLE)
def test_the_first_creates_and_the_second_changes(caller: Caller, vendors: Emulators, name: str, key: str) -> None:
    kind, mark = KINDS[name], word()
    body = described(kind, key, mark)
    path = f"{kind.collection}&upsert_on={key}"
    first = expect(caller.write("POST", path, body), 201).json()
    second = expect(caller.write("POST", path, identity(kind, key, body) | CHANGES[name]))
    assert second.json()["id"] == first["id"]
    assert "location" not in second.headers
    ((field, value),) = CHANGES[name].items()
    assert second.json()[field] == value
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


@pytest.mark.parametrize("connection", VENDORS)
@pytest.mark.parametrize(
    ("display_name", "first_name"), [("Bo {}", "Ada"), ("Bo", None), ("Ada M. {}", "Ada")], ids=["other", "one", "more"]
)
def test_names_that_differ_are_written_alike_each_time(
    caller: Caller, connection: str, display_name: str, first_name: str | None
) -> None:
    mark = word()
    names = {"display_name": display_name.format(mark), "first_name": first_name, "last_name": mark}
    body = customer(connection, mark) | {name: text for name, text in names.items() if text}
    path = f"/v1/customers?connection={connection}&upsert_on=email"
    answers = [caller.write("POST", path, body) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 200, 200]
    records = [one.json() for one in answers]
    assert len({tuple(one[name] for name in names) for one in records}) == 1
    lost = [{loss["path"] for loss in one["meta"]["loss"]} for one in records]
    assert lost[0] == lost[1] == lost[2]


@pytest.fixture(scope="module")
def patient(running_facade: Facade) -> Iterator[Process]:
    """An API whose attempts have time for all that go before."""
    with running_facade.another_api(LOCKSTITCH_OPERATION_LEASE="60") as process:
        yield process


@pytest.mark.parametrize(("name", "key"), UPSERTABLE)
def test_upserts_of_one_key_at_once_make_one_record(
    patient: Process, full_key: str, vendors: Emulators, name: str, key: str
) -> None:
    kind, mark = KINDS[name], word()
    body = described(kind, key, mark)
    path = f"{kind.collection}&upsert_on={key}"

    async def all_at_once() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {full_key}"}
        async with httpx.AsyncClient(base_url=patient.url, timeout=60, headers=headers) as http:
            calls = (http.post(path, json=body, headers={"idempotency-key": new_key()}) for _ in range(8))
            return await asyncio.gather(*calls)

    answers = asyncio.run(all_at_once())
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 7 + [201], [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


def test_the_primary_address_is_matched_on_without_case(caller: Caller) -> None:
    mark = word()
    made = caller.create("/v1/customers", customer("hubspot", mark))
    sent = {"emails": [{"address": f"{mark.upper()}@Example.com", "is_primary": True}], "job_title": "Potter"}
    answer = caller.write("POST", "/v1/customers?upsert_on=email", sent)
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])


@pytest.mark.parametrize(
    ("key", "body", "pointer"),
    [
        ("email", {"first_name": "Ada"}, "/emails"),
        ("email", {"emails": []}, "/emails"),
        ("email", {"emails": None}, "/emails"),
        ("external_id", {"first_name": "Ada"}, "/external_id"),
        ("external_id", {"external_id": None}, "/external_id"),
    ],
)
def test_what_is_matched_on_has_to_be_there(caller: Caller, key: str, body: Any, pointer: str) -> None:
    answer = expect(caller.write("POST", f"/v1/customers?upsert_on={key}", body), 422, "invalid-field")
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/tickets"])
def test_orders_and_tickets_have_no_address_to_match_on(caller: Caller, path: str) -> None:
    answer = expect(caller.write("POST", f"{path}?upsert_on=email", {}), 422, "invalid-field")
    assert parameters(answer) == ["upsert_on"]


def test_an_upsert_that_another_record_is_in_the_way_of_is_refused_soon(caller: Caller, facade: Facade) -> None:
    """Its key is free, and the address belongs to somebody else: no upsert that comes later will find otherwise."""
    taken, key = caller.create("/v1/customers", customer("hubspot"))["emails"], new_key()
    body = customer("hubspot", external_id=word(), emails=[{"address": taken[0]["address"]}])
    expect(caller.write("POST", "/v1/customers?upsert_on=external_id", body, key=key), 409, "duplicate-record")
    (row,) = facade.sql("SELECT attempts FROM operation WHERE idempotency_key = $1", key)
    assert row["attempts"] == 1


def test_an_upsert_is_replayed_with_the_status_that_it_had(caller: Caller) -> None:
    body, key = customer("hubspot"), new_key()
    first = caller.write("POST", "/v1/customers?upsert_on=email", body, key=key)
    caller.write("POST", "/v1/customers?upsert_on=email", body)
    again = caller.write("POST", "/v1/customers?upsert_on=email", body, key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]


@pytest.mark.parametrize("connection", VENDORS)
@pytest.mark.parametrize("key", ["email", "external_id"])
def test_what_a_vendor_holds_once_is_not_created_twice(caller: Caller, connection: str, key: str) -> None:
    path, mark = f"/v1/customers?connection={connection}", word()
    made = caller.create(path, customer(connection, mark, external_id=f"key-{mark}"))
    same = {"mark": mark} if key == "email" else {"external_id": f"key-{mark}"}
    answer = expect(caller.write("POST", path, customer(connection, **same)), 409, "duplicate-record").json()
    assert answer["category"] == "conflict"
    assert answer["vendor"]["connection"] == connection
    assert answer["vendor"]["request_id"]
    assert caller.get(f"/v1/customers/{made['id']}").status_code == 200
