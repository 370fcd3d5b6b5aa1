"""Property definitions, and the unique properties that integrations add as their own keys."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

CONTACTS = "/crm/v3/objects/contacts"
DEFINITIONS = "/crm/v3/properties/contacts"
KEY = {
    "name": "shop_customer_key",
    "label": "Shop customer key",
    "type": "string",
    "fieldType": "text",
    "groupName": "contactinformation",
    "hasUniqueValue": True,
}

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def key(hubspot: httpx.Client) -> str:
    expect(hubspot.post(DEFINITIONS, json=KEY), 201)
    return KEY["name"]  # type: ignore[return-value]


def test_definitions_tell_types_and_options(hubspot: httpx.Client) -> None:
    definitions = {one["name"]: one for one in hubspot.get(DEFINITIONS).json()["results"]}
    assert definitions["lifecyclestage"]["type"] == "enumeration"
    assert [one["value"] for one in definitions["lifecyclestage"]["options"]][:2] == ["subscriber", "lead"]
    assert definitions["createdate"]["modificationMetadata"]["readOnlyValue"] is True
    assert definitions["hubspot_owner_id"]["externalOptions"] is True
    assert definitions["hubspot_owner_id"]["options"] == []
    assert definitions["email"]["hasUniqueValue"] is False

    tickets = {one["name"]: one for one in hubspot.get("/crm/v3/properties/tickets").json()["results"]}
    assert [one["value"] for one in tickets["hs_ticket_priority"]["options"]] == ["LOW", "MEDIUM", "HIGH", "URGENT"]
    assert tickets["hs_ticket_category"]["fieldType"] == "checkbox"


def test_one_definition(hubspot: httpx.Client) -> None:
    assert hubspot.get(f"{DEFINITIONS}/email").json()["label"] == "Email"
    missing = hubspot.get(f"{DEFINITIONS}/favourite_colour")
    assert (missing.status_code, missing.json()["category"]) == (404, "OBJECT_NOT_FOUND")


def test_a_new_property_can_be_written(hubspot: httpx.Client, make_contact: Make) -> None:
    answer = hubspot.post(
        DEFINITIONS,
        json={
            "name": "Shoe_Size",
            "label": "Shoe size",
            "type": "number",
            "fieldType": "number",
            "groupName": "contactinformation",
        },
    )
    assert answer.status_code == 201
    definition = answer.json()
    assert definition["name"] == "shoe_size"
    assert definition["hubspotDefined"] is False
    assert hubspot.get(f"{DEFINITIONS}/shoe_size").json() == definition

    assert make_contact(email="a@shop.example", shoe_size="42.5")["properties"]["shoe_size"] == "42.5"
    bad = hubspot.post(CONTACTS, json={"properties": {"shoe_size": "large"}})
    assert bad.json()["errors"][0]["code"] == "INVALID_NUMBER"
    assert hubspot.post("/crm/v3/objects/tickets", json={"properties": {"shoe_size": "1"}}).status_code == 400


@pytest.mark.parametrize("name", ["shop_customer_key", "email", "SHOP_customer_key"])
def test_a_name_is_taken_once(hubspot: httpx.Client, key: str, name: str) -> None:
    answer = expect(hubspot.post(DEFINITIONS, json={**KEY, "name": name}), 409).json()
    assert answer["category"] == "OBJECT_ALREADY_EXISTS"


@pytest.mark.parametrize(
    "change",
    [{"name": "9lives"}, {"label": ""}, {"fieldType": "checkbox"}, {"type": "enumeration", "fieldType": "select"}],
)
def test_a_definition_that_cannot_be(hubspot: httpx.Client, change: dict[str, Any]) -> None:
    assert hubspot.post(DEFINITIONS, json={**KEY, "hasUniqueValue": False, **change}).status_code == 400


def test_at_most_ten_properties_are_unique(hubspot: httpx.Client) -> None:
    answers = [hubspot.post(DEFINITIONS, json={**KEY, "name": f"key_{n}"}) for n in range(11)]
    assert [one.status_code for one in answers] == [201] * 10 + [400]


def test_a_unique_property_identifies_a_record(hubspot: httpx.Client, make_contact: Make, key: str) -> None:
    id = make_contact(email="a@shop.example", shop_customer_key="K-1")["id"]
    by_key = {"idProperty": key}

    assert hubspot.get(f"{CONTACTS}/K-1", params=by_key).json()["id"] == id
    assert hubspot.get(f"{CONTACTS}/K-2", params=by_key).status_code == 404
    assert hubspot.patch(f"{CONTACTS}/K-1", params=by_key, json={"properties": {key: "K-2"}}).status_code == 200
    assert hubspot.get(f"{CONTACTS}/K-1", params=by_key).status_code == 404
    assert hubspot.get(f"{CONTACTS}/K-2", params=by_key).json()["id"] == id


def test_a_unique_value_is_taken_once(hubspot: httpx.Client, make_contact: Make, key: str) -> None:
    id = make_contact(email="a@shop.example", shop_customer_key="K-1")["id"]

    answer = expect(hubspot.post(CONTACTS, json={"properties": {"email": "b@shop.example", key: "K-1"}}), 400).json()
    assert answer["category"] == "VALIDATION_ERROR"
    message = answer["message"]
    assert message.startswith("Cannot set PropertyValueCoordinates{portalId=")
    assert f"objectTypeId=0-1, propertyName={key}, value=K-1}}" in message
    assert message.endswith(f"{id} already has that value.")

    hubspot.delete(f"{CONTACTS}/{id}")
    assert hubspot.post(CONTACTS, json={"properties": {key: "K-1"}}).status_code == 201


def test_an_upsert_by_a_unique_property(hubspot: httpx.Client, key: str) -> None:
    body = {"inputs": [{"id": "K-9", "idProperty": key, "properties": {"email": "a@shop.example"}}]}
    first = hubspot.post(f"{CONTACTS}/batch/upsert", json=body).json()["results"][0]
    second = hubspot.post(f"{CONTACTS}/batch/upsert", json=body).json()["results"][0]
    assert (first["new"], second["new"]) == (True, False)
    assert first["id"] == second["id"]
    assert first["properties"][key] == "K-9"


def test_definitions_are_read_in_a_batch(hubspot: httpx.Client) -> None:
    wanted = {"inputs": [{"name": "lifecyclestage"}, {"name": "no_such_property"}]}

    answer = expect(hubspot.post("/crm/v3/properties/contacts/batch/read", json=wanted), 207).json()
    assert [one["name"] for one in answer["results"]] == ["lifecyclestage"]
    assert answer["numErrors"] == 1
