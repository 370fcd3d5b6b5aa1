"""The answers fit HubSpot's own published schemas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.contract.callers import expect

Make = Callable[..., dict[str, Any]]
Fits = Callable[[str, str, httpx.Response], None]

SPECIFICATION = "urn:specification"


def _with_null(node: Any) -> Any:
    """HubSpot's schema says that property values are strings; recorded answers have null for what is empty."""
    if isinstance(node, dict):
        changed = {key: _with_null(value) for key, value in node.items()}
        values = changed.get("additionalProperties")
        if isinstance(values, dict) and values.get("type") == "string":
            changed["additionalProperties"] = {**values, "type": ["string", "null"]}
        # The StandardError's subCategory is typed as an object, and is a string in every recorded answer.
        if isinstance(changed.get("subCategory"), dict):
            changed["subCategory"] = {}
        return changed
    return [_with_null(one) for one in node] if isinstance(node, list) else node


@pytest.fixture
def fits(shared_folder: Path) -> Fits:
    """Assert that an answer fits a schema of an object type's specification."""
    folder = shared_folder / "vendor-specs" / "hubspot"
    if not folder.is_dir():
        pytest.skip("HubSpot's specifications are not here.")

    def check(object: str, schema: str, answer: httpx.Response) -> None:
        specification = _with_null(json.loads((folder / f"{object}.openapi.json").read_text()))
        assert schema in specification["components"]["schemas"]
        resource = DRAFT202012.create_resource(specification)
        registry: Registry[Any] = Registry().with_resource(SPECIFICATION, resource)
        validator = Draft202012Validator(
            {"$ref": f"{SPECIFICATION}#/components/schemas/{schema}"},
            registry=registry,
            format_checker=FormatChecker(),
        )
        assert [error.message for error in validator.iter_errors(answer.json())] == []

    return check


@pytest.fixture
def base(emulators: Any, make_contact: Make, make_ticket: Make) -> dict[str, str]:
    """An account with a contact and a ticket of hers; the search shows both."""
    emulators.limit("hubspot", search_lag=0)
    contact = make_contact(email="a@shop.example", firstname="Ada")["id"]
    return {"contacts": contact, "tickets": make_ticket(contact, subject="Lost parcel")["id"]}


@pytest.mark.parametrize("object", ["contacts", "tickets"])
def test_single_records(hubspot: httpx.Client, fits: Fits, base: dict[str, str], object: str) -> None:
    path = f"/crm/v3/objects/{object}"
    other = "tickets" if object == "contacts" else "contacts"
    new = {"properties": {"hs_pipeline_stage": "1"} if object == "tickets" else {"city": "Kiel"}}

    fits(object, "SimplePublicObject", hubspot.post(path, json=new))
    fits(object, "SimplePublicObject", hubspot.patch(f"{path}/{base[object]}", json=new))
    read = hubspot.get(f"{path}/{base[object]}", params={"associations": other})
    assert "associations" in read.json()
    fits(object, "SimplePublicObjectWithAssociations", read)
    hubspot.delete(f"{path}/{base[object]}")
    archived = hubspot.get(f"{path}/{base[object]}", params={"archived": "true"})
    assert archived.json()["archived"] is True
    fits(object, "SimplePublicObjectWithAssociations", archived)


@pytest.mark.parametrize("object", ["contacts", "tickets"])
def test_lists_and_searches(hubspot: httpx.Client, fits: Fits, base: dict[str, str], object: str) -> None:
    path = f"/crm/v3/objects/{object}"
    new = {"properties": {"hs_pipeline_stage": "1"} if object == "tickets" else {"city": "Kiel"}}
    hubspot.post(path, json=new)

    page = hubspot.get(path, params={"limit": 1, "associations": "contacts"})
    assert "paging" in page.json()
    fits(object, "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging", page)
    hits = hubspot.post(f"{path}/search", json={"limit": 1})
    assert "paging" in hits.json()
    fits(object, "CollectionResponseWithTotalSimplePublicObject", hits)


def test_batches(hubspot: httpx.Client, fits: Fits, base: dict[str, str]) -> None:
    path = "/crm/v3/objects/contacts/batch"
    one, bad = {"properties": {"email": "b@shop.example"}}, {"properties": {"email": "nobody"}}
    by_email = {"id": "c@shop.example", "idProperty": "email", "properties": {"city": "Bonn"}}

    created = hubspot.post(f"{path}/create", json={"inputs": [one]})
    fits("contacts", "BatchResponseSimplePublicObject", created)
    traced = [{**bad, "objectWriteTraceId": "1"}, {"properties": {"city": "Ulm"}, "objectWriteTraceId": "2"}]
    partly = expect(hubspot.post(f"{path}/create", json={"inputs": traced}), 207)
    fits("contacts", "BatchResponseSimplePublicObjectWithErrors", partly)
    read = expect(hubspot.post(f"{path}/read", json={"inputs": [{"id": base["contacts"]}, {"id": "9"}]}), 207)
    fits("contacts", "BatchResponseSimplePublicObjectWithErrors", read)
    fits(
        "contacts", "BatchResponseSimplePublicUpsertObject", hubspot.post(f"{path}/upsert", json={"inputs": [by_email]})
    )
    spoilt = [{**by_email, "properties": {"lifecyclestage": "friend"}, "objectWriteTraceId": "1"}]
    failed = expect(hubspot.post(f"{path}/upsert", json={"inputs": spoilt}), 207)
    fits("contacts", "BatchResponseSimplePublicUpsertObjectWithErrors", failed)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "contacts", {"properties": {"email": "nobody"}}),
        ("POST", "contacts", {"properties": {"email": "a@shop.example"}}),
        ("POST", "tickets", {"properties": {"subject": "x"}}),
        ("GET", "contacts/123", None),
        ("GET", "contacts?limit=500", None),
        ("POST", "contacts/search", {"limit": 500}),
    ],
)
def test_errors(
    hubspot: httpx.Client, fits: Fits, base: dict[str, str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = hubspot.request(method, f"/crm/v3/objects/{path}", json=body)
    assert answer.status_code >= 400
    fits("contacts", "Error", answer)


def test_recorded_answers_have_the_same_members(
    hubspot: httpx.Client, shared_folder: Path, base: dict[str, str]
) -> None:
    samples = shared_folder / "vendor-samples" / "hubspot"
    for object in ("contact", "ticket"):
        recorded = json.loads((samples / object / f"get-{object}-v3.json").read_text())
        ours = hubspot.get(f"/crm/v3/objects/{object}s/{base[f'{object}s']}").json()
        assert set(ours) == set(recorded)
        assert set(ours["properties"]) == set(recorded["properties"])
        assert {name: type(value) for name, value in ours.items()} == {
            name: type(value) for name, value in recorded.items()
        }
