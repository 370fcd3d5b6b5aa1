"""The search: filters, sorts, pages, its lag and its own limit."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

from ..conftest import PATIENCE

CONTACTS = "/crm/v3/objects/contacts"

Make = Callable[..., dict[str, Any]]


def search(hubspot: httpx.Client, object: str = "contacts", **body: Any) -> dict[str, Any]:
    return expect(hubspot.post(f"/crm/v3/objects/{object}/search", json=body)).json()


def where(name: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"filters": [{"propertyName": name, "operator": operator, **values}]}


@pytest.fixture
def no_lag(emulators: Any) -> None:
    emulators.limit("hubspot", search_lag=0)


@pytest.fixture
def people(no_lag: None, make_contact: Make) -> dict[str, str]:
    """Three contacts: first names to ids."""
    return {
        one["firstname"]: make_contact(**one)["id"]
        for one in (
            {"email": "ada@shop.example", "firstname": "Ada", "city": "Bonn", "lifecyclestage": "customer"},
            {"email": "bo@shop.example", "firstname": "Bo", "city": "Kiel", "hs_buying_role": "CHAMPION;END_USER"},
            {"email": "cy@mill.example", "firstname": "Cy", "closedate": "2026-02-03T04:05:06Z"},
        )
    }


@pytest.mark.parametrize(
    ("group", "names"),
    [
        (where("email", "EQ", value="ADA@shop.example"), "Ada"),
        (where("city", "NEQ", value="Bonn"), "Bo Cy"),
        (where("city", "IN", values=["bonn", "kiel"]), "Ada Bo"),
        (where("city", "IN", values=["Bonn"]), ""),
        (where("city", "NOT_IN", values=["bonn"]), "Bo Cy"),
        (where("lifecyclestage", "IN", values=["customer", "other"]), "Ada"),
        (where("hs_buying_role", "IN", values=["END_USER"]), "Bo"),
        (where("city", "HAS_PROPERTY"), "Ada Bo"),
        (where("city", "NOT_HAS_PROPERTY"), "Cy"),
        (where("email", "CONTAINS_TOKEN", value="mill*"), "Cy"),
        (where("email", "NOT_CONTAINS_TOKEN", value="mill.example"), "Ada Bo"),
        (where("closedate", "GTE", value="1770091506000"), "Cy"),
        (where("closedate", "GT", value="1770091506000"), ""),
        (where("closedate", "LTE", value="2026-02-03T04:05:06Z"), "Cy"),
        (where("closedate", "LT", value=1770091506001), "Cy"),
        (where("closedate", "BETWEEN", value="2026-02-01", highValue="2026-02-28"), "Cy"),
        (where("createdate", "GT", value="2020-01-01"), "Ada Bo Cy"),
    ],
)
def test_filters(hubspot: httpx.Client, people: dict[str, str], group: dict[str, Any], names: str) -> None:
    results = search(hubspot, filterGroups=[group])
    assert [one["id"] for one in results["results"]] == [people[name] for name in names.split()]
    assert results["total"] == len(names.split())


def test_groups_are_alternatives_and_their_filters_are_not(hubspot: httpx.Client, people: dict[str, str]) -> None:
    ada = {
        "filters": [*where("city", "EQ", value="Bonn")["filters"], *where("firstname", "EQ", value="Ada")["filters"]]
    }
    nobody = {
        "filters": [*where("city", "EQ", value="Bonn")["filters"], *where("firstname", "EQ", value="Bo")["filters"]]
    }
    assert search(hubspot, filterGroups=[ada, where("city", "EQ", value="Kiel")])["total"] == 2
    assert search(hubspot, filterGroups=[nobody])["total"] == 0


def test_words_are_looked_for_in_names_and_addresses(hubspot: httpx.Client, people: dict[str, str]) -> None:
    assert [one["id"] for one in search(hubspot, query="SHOP ada")["results"]] == [people["Ada"]]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ({"propertyName": "firstname", "direction": "DESCENDING"}, "Cy Bo Ada"),
        ("-firstname", "Cy Bo Ada"),
        ("city", "Ada Bo Cy"),
        ({"propertyName": "city", "direction": "DESCENDING"}, "Bo Ada Cy"),
        ({"propertyName": "hs_object_id"}, "Ada Bo Cy"),
    ],
)
def test_sorts(hubspot: httpx.Client, people: dict[str, str], sort: Any, names: str) -> None:
    results = search(hubspot, sorts=[sort])
    assert [one["id"] for one in results["results"]] == [people[name] for name in names.split()]


def test_pages_are_offsets(hubspot: httpx.Client, people: dict[str, str]) -> None:
    first = search(hubspot, limit=2, properties=["city"])
    assert first["total"] == 3
    assert first["paging"] == {"next": {"after": "2"}}
    assert set(first["results"][0]["properties"]) == {"city", "createdate", "hs_object_id", "lastmodifieddate"}
    second = search(hubspot, limit=2, after=first["paging"]["next"]["after"])
    assert [one["id"] for one in second["results"]] == [people["Cy"]]
    assert "paging" not in second


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"after": "x"},
        {"after": "9901", "limit": 100},
        {"sorts": ["city", "email"]},
        {"sorts": ["favourite_colour"]},
        {"filterGroups": [where("favourite_colour", "EQ", value="red")]},
        {"filterGroups": [where("city", "LIKES", value="red")]},
        {"filterGroups": [where("city", "EQ")]},
        {"filterGroups": [where("city", "IN", value="bonn")]},
        {"filterGroups": [where("createdate", "GTE", value="yesterday")]},
        {"filterGroups": [{"filters": []}]},
        {"filterGroups": [where("city", "HAS_PROPERTY")] * 6},
        {"filterGroups": [{"filters": where("city", "HAS_PROPERTY")["filters"] * 7}]},
        {"filterGroups": [{"filters": where("city", "HAS_PROPERTY")["filters"] * 5}] * 4},
    ],
)
def test_a_search_that_cannot_be(hubspot: httpx.Client, body: dict[str, Any]) -> None:
    answer = expect(hubspot.post(f"{CONTACTS}/search", json=body), 400).json()
    assert answer["message"] == "There was a problem with the request."


def test_page_9900_is_the_last(hubspot: httpx.Client, people: dict[str, str]) -> None:
    assert search(hubspot, after="9900", limit=100) == {"total": 3, "results": []}


def found_cities(hubspot: httpx.Client) -> list[str]:
    return [one["properties"]["city"] for one in search(hubspot, properties=["city"])["results"]]


def test_the_index_shows_a_changed_record_as_it_was(hubspot: httpx.Client, emulators: Any, make_contact: Make) -> None:
    emulators.limit("hubspot", search_lag=0)
    id = make_contact(email="a@shop.example", city="Bonn")["id"]
    hubspot.patch(f"{CONTACTS}/{id}", json={"properties": {"city": "Kiel"}})
    assert found_cities(hubspot) == ["Kiel"]

    emulators.limit("hubspot", search_lag=60)
    assert found_cities(hubspot) == ["Bonn"]


def test_the_index_keeps_an_archived_record_for_a_while(
    hubspot: httpx.Client, emulators: Any, make_contact: Make
) -> None:
    emulators.limit("hubspot", search_lag=0)
    id = make_contact(email="a@shop.example", city="Bonn")["id"]
    hubspot.delete(f"{CONTACTS}/{id}")
    assert found_cities(hubspot) == []
    emulators.limit("hubspot", search_lag=60)
    assert found_cities(hubspot) == ["Bonn"]


def test_the_index_catches_up_in_two_seconds(hubspot: httpx.Client, make_contact: Make) -> None:
    began = time.monotonic()
    make_contact(email="a@shop.example", city="Bonn")
    while not found_cities(hubspot):
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.05)
    assert time.monotonic() - began > 1.9


def test_the_search_has_its_own_limit_without_headers(hubspot: httpx.Client, emulators: Any) -> None:
    emulators.limit("hubspot", per_minute=1140)  # HubSpot's 190 in 10 s, with which go 5 searches a second
    answers = [hubspot.post(f"{CONTACTS}/search", json={}) for _ in range(40)]

    refused = [one for one in answers if one.status_code == 429]
    assert [one.status_code for one in answers[:5]] == [200] * 5
    assert refused
    assert refused[0].json()["policyName"] == "SECONDLY"
    assert refused[0].json()["message"] == "You have reached your secondly limit."
    assert not [name for one in answers for name in one.headers if "ratelimit" in name]
    assert hubspot.get(CONTACTS).headers["x-hubspot-ratelimit-remaining"] == "1139"


def test_tickets_are_searched_by_their_own_time_of_change(
    hubspot: httpx.Client, no_lag: None, make_ticket: Make
) -> None:
    id = make_ticket(subject="Lost parcel")["id"]
    group = where("hs_lastmodifieddate", "GTE", value="1700000000000")
    results = search(hubspot, "tickets", filterGroups=[group], sorts=[{"propertyName": "hs_lastmodifieddate"}])
    assert [one["id"] for one in results["results"]] == [id]
