"""Batches: upsert, read, create, update, archive."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

CONTACTS = "/crm/v3/objects/contacts"
UPSERT = f"{CONTACTS}/batch/upsert"

Make = Callable[..., dict[str, Any]]


def by_email(address: str, trace: str | None = None, **properties: str) -> dict[str, Any]:
    one: dict[str, Any] = {"id": address, "idProperty": "email", "properties": properties}
    return one if trace is None else {**one, "objectWriteTraceId": trace}


def addresses(hubspot: httpx.Client) -> list[str]:
    return [one["properties"]["email"] for one in hubspot.get(CONTACTS).json()["results"]]


def test_an_upsert_creates_and_then_updates(hubspot: httpx.Client) -> None:
    first = expect(hubspot.post(UPSERT, json={"inputs": [by_email("A@shop.example", firstname="Ada")]})).json()
    created = first["results"][0]
    assert created["new"] is True
    assert created["properties"]["email"] == "a@shop.example"
    assert first["status"] == "COMPLETE"

    second = hubspot.post(
        UPSERT, json={"inputs": [by_email("a@shop.example", city="Bonn"), by_email("b@shop.example")]}
    )
    updated, other = second.json()["results"]
    assert (updated["new"], updated["id"]) == (False, created["id"])
    assert updated["properties"]["city"] == "Bonn"
    assert "firstname" not in updated["properties"]
    assert other["new"] is True
    assert addresses(hubspot) == ["a@shop.example", "b@shop.example"]


def test_without_trace_ids_one_bad_input_spoils_all(hubspot: httpx.Client) -> None:
    inputs = [by_email("a@shop.example"), by_email("b@shop.example", lifecyclestage="friend")]
    answer = expect(hubspot.post(UPSERT, json={"inputs": inputs}), 400).json()
    assert answer["errors"][0]["code"] == "INVALID_OPTION"
    assert addresses(hubspot) == []


def test_with_trace_ids_the_good_inputs_are_written(hubspot: httpx.Client) -> None:
    inputs = [by_email("a@shop.example", "t1"), by_email("b@shop.example", "t2", lifecyclestage="friend")]
    body = expect(hubspot.post(UPSERT, json={"inputs": inputs}), 207).json()
    assert [one["objectWriteTraceId"] for one in body["results"]] == ["t1"]
    assert body["numErrors"] == 1
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["t2"]
    assert body["errors"][0]["category"] == "VALIDATION_ERROR"
    assert addresses(hubspot) == ["a@shop.example"]


def test_an_id_may_stand_in_a_batch_once(hubspot: httpx.Client) -> None:
    answer = hubspot.post(UPSERT, json={"inputs": [by_email("a@shop.example"), by_email("a@shop.example")]})
    assert answer.status_code == 400
    assert answer.json()["message"] == "Duplicate IDs found in batch input: [a@shop.example]. IDs must be unique"
    assert addresses(hubspot) == []


def test_two_inputs_cannot_claim_one_address(hubspot: httpx.Client) -> None:
    inputs = [{"properties": {"email": "a@shop.example"}}, {"properties": {"email": "A@shop.example"}}]
    assert hubspot.post(f"{CONTACTS}/batch/create", json={"inputs": inputs}).status_code == 400
    assert addresses(hubspot) == []


def test_a_batch_read_names_what_is_missing(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", city="Bonn")["id"]

    one = expect(hubspot.post(f"{CONTACTS}/batch/read", json={"inputs": [{"id": id}], "properties": ["city"]}))
    assert one.json()["results"][0]["properties"]["city"] == "Bonn"
    assert "errors" not in one.json()

    body = {"inputs": [{"id": "a@shop.example"}, {"id": "b@shop.example"}], "idProperty": "email"}
    some = expect(hubspot.post(f"{CONTACTS}/batch/read", json=body), 207).json()
    assert [one["id"] for one in some["results"]] == [id]
    assert some["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert some["errors"][0]["context"] == {"ids": ["b@shop.example"]}


def test_a_batch_create(hubspot: httpx.Client) -> None:
    inputs = [{"properties": {"email": f"{n}@shop.example"}} for n in range(3)]
    answer = expect(hubspot.post(f"{CONTACTS}/batch/create", json={"inputs": inputs}), 201).json()
    assert [one["properties"]["email"] for one in answer["results"]] == [one["properties"]["email"] for one in inputs]
    again = expect(hubspot.post(f"{CONTACTS}/batch/create", json={"inputs": inputs}), 409).json()
    assert again["message"].startswith("Contact already exists. Existing ID: ")


def test_a_batch_update_leaves_out_what_is_not_there(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example")["id"]
    inputs = [{"id": id, "properties": {"city": "Kiel"}}, {"id": "999", "properties": {"city": "Ulm"}}]
    answer = expect(hubspot.post(f"{CONTACTS}/batch/update", json={"inputs": inputs}), 207).json()
    assert answer["results"][0]["properties"]["city"] == "Kiel"
    assert answer["errors"][0]["context"] == {"ids": ["999"]}


def test_a_batch_archive(hubspot: httpx.Client, make_contact: Make) -> None:
    ids = [make_contact(email=f"{n}@shop.example")["id"] for n in range(2)]
    inputs = [{"id": id} for id in [*ids, "999"]]
    assert hubspot.post(f"{CONTACTS}/batch/archive", json={"inputs": inputs}).status_code == 204
    assert addresses(hubspot) == []


@pytest.mark.parametrize("inputs", [None, [], [{}] * 101, ["a"]])
def test_a_batch_has_one_to_a_hundred_inputs(hubspot: httpx.Client, inputs: Any) -> None:
    for verb in ("create", "read", "update", "upsert", "archive"):
        assert hubspot.post(f"{CONTACTS}/batch/{verb}", json={"inputs": inputs}).status_code == 400
