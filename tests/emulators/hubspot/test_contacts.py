"""One contact: created, read, changed, archived."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

CONTACTS = "/crm/v3/objects/contacts"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Make = Callable[..., dict[str, Any]]


def post(hubspot: httpx.Client, **properties: Any) -> httpx.Response:
    return hubspot.post(CONTACTS, json={"properties": properties})


def get(hubspot: httpx.Client, id: str, *names: str) -> dict[str, Any]:
    return expect(hubspot.get(f"{CONTACTS}/{id}", params={"properties": ",".join(names)})).json()["properties"]


def test_a_creation_answers_with_all_that_has_a_value(make_contact: Make) -> None:
    contact = make_contact(email="Lena.Hart@Shop.Example", firstname="Lena", lastname="Hart", phone="+49 30 1234567")

    properties = contact["properties"]
    assert contact["id"].isdecimal()
    assert int(contact["id"]) > 2**32
    assert properties["email"] == "lena.hart@shop.example"
    assert properties["hs_object_id"] == contact["id"]
    assert properties["lifecyclestage"] == "lead"
    assert properties["hs_full_name_or_email"] == "Lena Hart"
    assert properties["hs_email_domain"] == "shop.example"
    assert properties["createdate"] == properties["lastmodifieddate"] == contact["createdAt"] == contact["updatedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", contact["createdAt"])
    assert contact["archived"] is False
    assert "mobilephone" not in properties
    assert all(isinstance(value, str) for value in properties.values())


def test_a_read_shows_a_few_properties_unless_asked(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", phone="1", jobtitle="Buyer")["id"]

    few = hubspot.get(f"{CONTACTS}/{id}").json()["properties"]
    assert set(few) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert few["firstname"] is None

    properties = get(hubspot, id, "phone", "mobilephone", "no_such_property")
    assert properties["phone"] == "1"
    assert properties["mobilephone"] is None
    assert set(properties) == {"phone", "mobilephone", "createdate", "hs_object_id", "lastmodifieddate"}


def test_properties_may_be_asked_for_one_by_one(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", phone="1", city="Bonn")["id"]

    answer = hubspot.get(f"{CONTACTS}/{id}", params=[("properties", "phone"), ("properties", "city")])
    assert answer.json()["properties"]["phone"] == "1"
    assert answer.json()["properties"]["city"] == "Bonn"


def test_a_contact_is_found_by_any_of_its_addresses(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="main@shop.example", hs_additional_emails="Second@shop.example;third@shop.example")["id"]

    for address in ("main@shop.example", "MAIN@shop.example", "second@shop.example", "third@shop.example"):
        answer = hubspot.get(f"{CONTACTS}/{address}", params={"idProperty": "email"})
        assert answer.json()["id"] == id

    assert hubspot.get(f"{CONTACTS}/no@shop.example", params={"idProperty": "email"}).status_code == 404


def test_an_address_with_a_plus_survives_the_path(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="lena+test@shop.example")["id"]
    assert hubspot.get(f"{CONTACTS}/lena%2Btest%40shop.example?idProperty=email").json()["id"] == id


def test_an_address_is_taken_once(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", hs_additional_emails="b@shop.example")["id"]

    for address in ("a@shop.example", "A@SHOP.example", "b@shop.example"):
        answer = expect(post(hubspot, email=address), 409)
        assert answer.json()["message"] == f"Contact already exists. Existing ID: {id}"
        assert answer.json()["category"] == "CONFLICT"

    other = make_contact(email="c@shop.example")["id"]
    answer = expect(hubspot.patch(f"{CONTACTS}/{other}", json={"properties": {"email": "b@shop.example"}}), 409)
    assert get(hubspot, other, "email")["email"] == "c@shop.example"


def test_all_bad_values_are_reported_at_once(hubspot: httpx.Client) -> None:
    answer = post(
        hubspot, email="nobody", lifecyclestage="friend", favourite_colour="red", hs_object_id="7", closedate="soon"
    )

    assert answer.status_code == 400
    body = answer.json()
    assert body["status"] == "error"
    assert body["category"] == "VALIDATION_ERROR"
    assert {(one["code"], *one["context"]["propertyName"]) for one in body["errors"]} == {
        ("INVALID_EMAIL", "email"),
        ("INVALID_OPTION", "lifecyclestage"),
        ("PROPERTY_DOESNT_EXIST", "favourite_colour"),
        ("READ_ONLY_VALUE", "hs_object_id"),
        ("INVALID_LONG", "closedate"),
    }
    issues = json.loads(body["message"].removeprefix("Property values were not valid: "))
    assert {one["error"] for one in issues} == {one["code"] for one in body["errors"]}
    assert "friend was not one of the allowed options: [subscriber, lead," in body["message"]
    assert hubspot.get(CONTACTS).json()["results"] == []


def test_an_error_names_its_correlation_id(hubspot: httpx.Client) -> None:
    answer = post(hubspot, email="nobody")
    assert UUID.fullmatch(answer.json()["correlationId"])
    assert answer.headers["x-hubspot-correlation-id"] == answer.json()["correlationId"]
    assert UUID.fullmatch(hubspot.get(CONTACTS).headers["x-hubspot-correlation-id"])


def test_a_change_answers_with_what_it_touched(hubspot: httpx.Client, make_contact: Make) -> None:
    contact = make_contact(email="a@shop.example", firstname="Ada", phone="1", city="Bonn")

    answer = expect(hubspot.patch(f"{CONTACTS}/{contact['id']}", json={"properties": {"city": "Kiel", "phone": ""}}))
    touched = answer.json()["properties"]
    assert touched["city"] == "Kiel"
    assert touched["phone"] == ""
    assert touched["hs_object_id"] == contact["id"]
    assert "firstname" not in touched
    assert "email" not in touched
    assert answer.json()["updatedAt"] >= contact["updatedAt"]

    after = get(hubspot, contact["id"], "city", "phone", "firstname")
    assert (after["city"], after["phone"], after["firstname"]) == ("Kiel", None, "Ada")


def test_a_change_without_a_property_is_refused(hubspot: httpx.Client, make_contact: Make) -> None:
    answer = hubspot.patch(f"{CONTACTS}/{make_contact()['id']}", json={"properties": {}})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["message"] == "No properties found to update, please provide at least one."


def test_null_leaves_a_property_alone(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", city="Bonn")["id"]
    assert hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"city": None}}).status_code == 200
    assert get(hubspot, id, "city")["city"] == "Bonn"


def test_a_change_by_address(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example")["id"]
    path = f"{CONTACTS}/a@shop.example"
    answer = hubspot.patch(path, params={"idProperty": "email"}, json={"properties": {"city": "Kiel"}})
    assert answer.json()["id"] == id
    assert hubspot.patch(path, json={"properties": {"city": "Ulm"}}).status_code == 404
    assert get(hubspot, id, "city")["city"] == "Kiel"


@pytest.mark.parametrize("backward", ["subscriber", "lead"])
def test_a_lifecycle_stage_goes_back_only_when_cleared_first(
    hubspot: httpx.Client, make_contact: Make, backward: str
) -> None:
    id = make_contact(email="a@shop.example", lifecyclestage="customer")["id"]

    expect(hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"lifecyclestage": backward}}))
    assert get(hubspot, id, "lifecyclestage")["lifecyclestage"] == "customer"

    for stage in ("", backward):
        hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"lifecyclestage": stage}})
    assert get(hubspot, id, "lifecyclestage")["lifecyclestage"] == backward


def test_a_lifecycle_stage_goes_forward(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example")["id"]
    hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"lifecyclestage": "customer"}})
    after = get(hubspot, id, "lifecyclestage", "hs_lifecyclestage_customer_date")
    assert after["lifecyclestage"] == "customer"
    assert after["hs_lifecyclestage_customer_date"] == after["lastmodifieddate"]


def test_several_choices_are_joined_and_added_to(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", hs_buying_role="CHAMPION;END_USER")["id"]
    assert get(hubspot, id, "hs_buying_role")["hs_buying_role"] == "CHAMPION;END_USER"

    hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"hs_buying_role": ";OTHER"}})
    assert get(hubspot, id, "hs_buying_role")["hs_buying_role"] == "CHAMPION;END_USER;OTHER"

    answer = hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"hs_buying_role": "CHAMPION;BOSS"}})
    assert answer.json()["errors"][0]["code"] == "INVALID_OPTION"


def test_a_text_may_begin_with_a_semicolon(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example", city="Bonn", jobtitle=";-)")["id"]
    hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"city": ";Kiel"}})
    assert get(hubspot, id, "city", "jobtitle")["city"] == ";Kiel"
    assert get(hubspot, id, "city", "jobtitle")["jobtitle"] == ";-)"


def test_numbers_and_times_become_text(hubspot: httpx.Client, make_contact: Make) -> None:
    answer = hubspot.post(
        CONTACTS, json={"properties": {"email": "a@shop.example", "zip": 53111, "closedate": 1700000000000}}
    )
    assert answer.json()["properties"]["zip"] == "53111"
    assert answer.json()["properties"]["closedate"] == "2023-11-14T22:13:20.000Z"


def test_an_owner_must_exist(hubspot: httpx.Client, make_contact: Make) -> None:
    owner = hubspot.get("/crm/v3/owners").json()["results"][0]
    assert make_contact(email="a@shop.example", hubspot_owner_id=owner["id"])["properties"]["hubspot_owner_id"]
    answer = post(hubspot, email="b@shop.example", hubspot_owner_id=str(owner["userId"]))
    assert answer.json()["errors"][0]["code"] == "INVALID_OPTION"


def test_an_archived_contact_is_there_only_for_who_asks(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example")["id"]

    assert hubspot.delete(f"{CONTACTS}/{id}").status_code == 204
    assert hubspot.delete(f"{CONTACTS}/{id}").status_code == 204
    assert hubspot.get(f"{CONTACTS}/{id}").status_code == 404
    assert hubspot.get(f"{CONTACTS}/a@shop.example?idProperty=email").status_code == 404
    assert hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"city": "Kiel"}}).status_code == 404
    assert hubspot.get(CONTACTS).json()["results"] == []

    archived = hubspot.get(f"{CONTACTS}/{id}", params={"archived": "true"}).json()
    assert archived["archived"] is True
    assert archived["archivedAt"] >= archived["createdAt"]
    assert [one["id"] for one in hubspot.get(CONTACTS, params={"archived": "true"}).json()["results"]] == [id]

    again = make_contact(email="a@shop.example")
    assert again["id"] != id


def test_what_is_not_there(hubspot: httpx.Client) -> None:
    missing = hubspot.get(f"{CONTACTS}/123456")
    assert (missing.status_code, missing.json()["message"]) == (404, "resource not found")
    unreadable = expect(hubspot.get(f"{CONTACTS}/undefined"), 404).json()
    assert unreadable["context"] == {"id": ["undefined"]}
    assert unreadable["category"] == "OBJECT_NOT_FOUND"
    assert hubspot.delete(f"{CONTACTS}/123456").status_code == 404
    assert hubspot.get(f"{CONTACTS}/red", params={"idProperty": "city"}).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"{}", b'{"properties": 7}'])
def test_a_body_that_says_nothing(hubspot: httpx.Client, body: bytes) -> None:
    answer = expect(hubspot.post(CONTACTS, content=body, headers={"content-type": "application/json"}), 400).json()
    assert answer["message"].startswith("Invalid input JSON on line 1, column ")
