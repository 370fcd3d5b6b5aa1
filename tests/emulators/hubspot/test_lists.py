"""Pages of records, and what companies are for."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

CONTACTS = "/crm/v3/objects/contacts"

Make = Callable[..., dict[str, Any]]


def walk(hubspot: httpx.Client, path: str, **params: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    after: str | None = None
    while True:
        answer = hubspot.get(path, params={**params, **({"after": after} if after else {})}).json()
        pages.append([one["id"] for one in answer["results"]])
        if "paging" not in answer:
            return pages
        after = answer["paging"]["next"]["after"]


def test_archived_records_leave_no_hole_in_a_page(hubspot: httpx.Client, make_contact: Make) -> None:
    ids = [make_contact(email=f"{n}@shop.example")["id"] for n in range(6)]
    for id in ids[1:4]:
        hubspot.delete(f"{CONTACTS}/{id}")
    assert walk(hubspot, CONTACTS, limit=2) == [[ids[0], ids[4]], [ids[5]]]
    assert walk(hubspot, CONTACTS, limit=2, archived="true") == [[ids[1], ids[2]], [ids[3]]]


def test_the_next_link_leads_to_the_next_page(hubspot: httpx.Client, make_contact: Make) -> None:
    ids = [make_contact(email=f"{n}@shop.example")["id"] for n in range(2)]
    first = hubspot.get(CONTACTS, params={"limit": 1, "properties": "email,city"}).json()
    second = hubspot.get(first["paging"]["next"]["link"]).json()
    assert [one["id"] for one in second["results"]] == ids[1:]
    assert "city" in second["results"][0]["properties"]


def test_a_page_has_ten_records_by_default(hubspot: httpx.Client, make_contact: Make) -> None:
    for n in range(11):
        make_contact(email=f"{n}@shop.example")
    assert [len(page) for page in walk(hubspot, CONTACTS)] == [10, 1]


@pytest.mark.parametrize("params", [{"limit": 101}, {"limit": 0}, {"limit": "many"}, {"after": "yesterday"}])
def test_a_page_that_cannot_be(hubspot: httpx.Client, params: dict[str, Any]) -> None:
    answer = hubspot.get(CONTACTS, params=params)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def test_an_object_type_has_several_spellings(hubspot: httpx.Client, make_contact: Make) -> None:
    id = make_contact(email="a@shop.example")["id"]
    for spelling in ("contacts", "contact", "0-1", "CONTACT"):
        assert hubspot.get(f"/crm/v3/objects/{spelling}/{id}").json()["id"] == id
    unknown = hubspot.get("/crm/v3/objects/widgets")
    assert (unknown.status_code, unknown.json()["message"]) == (400, "Unable to infer object type from: widgets")


def test_companies_are_read_by_id(hubspot: httpx.Client, emulators: Any) -> None:
    placed = emulators.place(
        "hubspot", "companies", {"properties": {"name": "Nordlicht", "domain": "nordlicht.example"}}
    )
    answer = hubspot.get(f"/crm/v3/objects/companies/{placed['id']}").json()
    assert set(answer["properties"]) == {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"}
    assert answer["properties"]["name"] == "Nordlicht"
