"""What holds for every call: credentials, limits, routes, memory, placing, faults and drift."""

from typing import Any

import httpx
import pytest

CONTACTS = "/crm/v3/objects/contacts"


@pytest.mark.parametrize("path", ["/crm/v3/nothing", "/crm/v3/objects/contacts/1/2/3/4", "/", "/marketing/v3/forms"])
def test_an_unknown_route_is_a_page_of_html(hubspot: httpx.Client, path: str) -> None:
    answer = hubspot.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_wrong_method(hubspot: httpx.Client) -> None:
    assert hubspot.put(CONTACTS).status_code == 405
    assert hubspot.post("/crm/v3/owners").status_code == 404


def test_a_whole_record_is_placed_and_found_by_its_address(hubspot: httpx.Client, emulators: Any) -> None:
    whole = {"id": "51", "properties": {"email": "z@shop.example"}, "createdAt": "2020-01-01T00:00:00Z"}
    assert emulators.place("hubspot", "contacts", whole)["id"] == "51"
    contact = hubspot.get(f"{CONTACTS}/z@shop.example", params={"idProperty": "email"}).json()
    assert (contact["id"], contact["properties"]["createdate"]) == ("51", "2020-01-01T00:00:00Z")
    assert len(emulators.records("hubspot", "contacts")) == 1


def test_owners_pipelines_and_properties_are_placed(hubspot: httpx.Client, emulators: Any) -> None:
    owner = emulators.place("hubspot", "owners", {"email": "new@owners.example"})
    assert hubspot.get(f"/crm/v3/owners/{owner['id']}").json()["email"] == "new@owners.example"
    emulators.place("hubspot", "pipelines", {"id": "900", "label": "Repairs"})
    assert len(hubspot.get("/crm/v3/pipelines/tickets").json()["results"]) == 3
    emulators.place("hubspot", "contacts.properties", {"name": "shoe_size"})
    assert hubspot.post(CONTACTS, json={"properties": {"shoe_size": "42"}}).status_code == 201
