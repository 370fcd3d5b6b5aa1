"""Tickets, their pipelines, and whom they belong to."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.contract.callers import expect

TICKETS = "/crm/v3/objects/tickets"
RETURNS = "75304820"

Make = Callable[..., dict[str, Any]]


def get(hubspot: httpx.Client, id: str, *names: str) -> dict[str, Any]:
    return hubspot.get(f"{TICKETS}/{id}", params={"properties": ",".join(names)}).json()["properties"]


def patch(hubspot: httpx.Client, id: str, **properties: str) -> httpx.Response:
    return hubspot.patch(f"{TICKETS}/{id}", json={"properties": properties})


def test_a_ticket_needs_a_stage(hubspot: httpx.Client) -> None:
    answer = expect(hubspot.post(TICKETS, json={"properties": {"subject": "Lost parcel"}}), 400).json()
    assert answer["message"] == "Error creating TICKET. Some required properties were not set."
    assert answer["context"] == {"properties": ["hs_pipeline_stage"]}


def test_a_ticket_starts_in_the_default_pipeline(hubspot: httpx.Client, make_ticket: Make) -> None:
    ticket = make_ticket(subject="Lost parcel", hs_ticket_priority="HIGH")
    assert ticket["properties"]["hs_pipeline"] == "0"
    assert ticket["properties"]["hs_is_closed"] == "false"
    assert ticket["properties"]["hs_ticket_id"] == ticket["id"]
    assert "content" not in ticket["properties"]

    properties = hubspot.get(f"{TICKETS}/{ticket['id']}").json()["properties"]
    assert properties["content"] is None
    assert properties["hs_ticket_category"] is None
    assert properties["hs_lastmodifieddate"] == properties["createdate"]


def test_pipelines_and_stages(hubspot: httpx.Client) -> None:
    pipelines = {one["id"]: one for one in hubspot.get("/crm/v3/pipelines/tickets").json()["results"]}
    assert set(pipelines) == {"0", RETURNS}
    stages = [(one["id"], one["label"], one["metadata"]["ticketState"]) for one in pipelines["0"]["stages"]]
    assert stages == [
        ("1", "New", "OPEN"),
        ("2", "Waiting on contact", "OPEN"),
        ("3", "Waiting on us", "OPEN"),
        ("4", "Closed", "CLOSED"),
    ]
    assert hubspot.get(f"/crm/v3/pipelines/tickets/{RETURNS}").json() == pipelines[RETURNS]
    assert hubspot.get(f"/crm/v3/pipelines/tickets/{RETURNS}/stages").json() == {
        "results": pipelines[RETURNS]["stages"]
    }
    assert not {one["id"] for one in pipelines[RETURNS]["stages"]} & {"1", "2", "3", "4"}
    assert hubspot.get("/crm/v3/pipelines/tickets/77").status_code == 404
    assert hubspot.get("/crm/v3/pipelines/companies").json() == {"results": []}


def test_a_stage_belongs_to_its_pipeline(hubspot: httpx.Client, make_ticket: Make) -> None:
    id = make_ticket(subject="Wrong size", hs_pipeline=RETURNS, hs_pipeline_stage="144402861")["id"]

    answer = expect(patch(hubspot, id, hs_pipeline_stage="4"), 400).json()
    assert answer["errors"][0]["code"] == "INVALID_OPTION"
    assert answer["errors"][0]["context"] == {"propertyName": ["hs_pipeline_stage"]}
    assert patch(hubspot, id, hs_pipeline="0").status_code == 400
    assert patch(hubspot, id, hs_pipeline="0", hs_pipeline_stage="4").status_code == 200


def test_closing_and_reopening(hubspot: httpx.Client, make_ticket: Make) -> None:
    id = make_ticket(subject="Wrong size")["id"]

    touched = patch(hubspot, id, hs_pipeline_stage="4").json()["properties"]
    assert touched["hs_is_closed"] == "true"
    assert touched["closed_date"] == touched["hs_lastmodifieddate"]

    patch(hubspot, id, hs_pipeline_stage="3")
    assert get(hubspot, id, "closed_date", "hs_is_closed") | {"createdate": ""} == {
        "closed_date": None,
        "hs_is_closed": "false",
        "createdate": "",
        "hs_object_id": id,
        "hs_lastmodifieddate": get(hubspot, id)["hs_lastmodifieddate"],
    }


def test_owners(hubspot: httpx.Client) -> None:
    owners = hubspot.get("/crm/v3/owners/").json()["results"]
    assert len(owners) == 2
    first = owners[0]
    assert hubspot.get(f"/crm/v3/owners/{first['id']}").json() == first
    assert hubspot.get(f"/crm/v3/owners/{first['userId']}", params={"idProperty": "userId"}).json() == first
    assert hubspot.get(f"/crm/v3/owners/{first['userId']}").status_code == 404
    assert hubspot.get("/crm/v3/owners", params={"email": owners[1]["email"]}).json() == {"results": [owners[1]]}


def test_a_ticket_is_created_with_its_contact(hubspot: httpx.Client, make_contact: Make, make_ticket: Make) -> None:
    contact = make_contact(email="a@shop.example")["id"]
    ticket = make_ticket(contact, subject="Lost parcel")["id"]

    full = hubspot.get(f"{TICKETS}/{ticket}", params={"associations": "contacts,companies"}).json()
    assert full["associations"] == {"contacts": {"results": [{"id": contact, "type": "ticket_to_contact"}]}}
    assert "associations" not in hubspot.get(f"{TICKETS}/{ticket}").json()

    listed = hubspot.get(TICKETS, params={"associations": "contacts"}).json()["results"]
    assert listed[0]["associations"]["contacts"]["results"][0]["id"] == contact
    other_way = hubspot.get(f"/crm/v3/objects/contacts/{contact}", params={"associations": "tickets"}).json()
    assert other_way["associations"]["tickets"]["results"] == [{"id": ticket, "type": "contact_to_ticket"}]
    assert hubspot.get(f"{TICKETS}/{ticket}/associations/contacts").json() == {
        "results": [{"id": contact, "type": "ticket_to_contact"}]
    }


def test_a_ticket_with_an_impossible_contact_is_not_created(hubspot: httpx.Client, make_contact: Make) -> None:
    contact = make_contact(email="a@shop.example")["id"]
    for id, type_id in (("999", 16), (contact, 15), (contact, 7777)):
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
        body = {
            "properties": {"subject": "x", "hs_pipeline_stage": "1"},
            "associations": [{"to": {"id": id}, "types": types}],
        }
        assert hubspot.post(TICKETS, json=body).status_code == 400
    assert hubspot.get(TICKETS).json()["results"] == []


def test_associations_of_version_4(hubspot: httpx.Client, make_contact: Make, make_ticket: Make) -> None:
    contact, ticket = make_contact(email="a@shop.example")["id"], make_ticket(subject="Lost parcel")["id"]
    base = f"/crm/v4/objects/tickets/{ticket}/associations"
    assert hubspot.get(f"{base}/contacts").json() == {"results": []}

    for _ in range(2):
        answer = expect(hubspot.put(f"{base}/default/contacts/{contact}")).json()
    assert answer["results"][0] == {
        "from": {"id": ticket},
        "to": {"id": contact},
        "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16},
    }
    assert hubspot.get(f"{base}/contacts").json() == {
        "results": [
            {
                "toObjectId": int(contact),
                "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 16, "label": None}],
            }
        ]
    }

    assert hubspot.delete(f"{base}/contacts/{contact}").status_code == 204
    assert hubspot.get(f"{base}/contacts").json() == {"results": []}
    assert hubspot.put(f"{base}/default/contacts/999").status_code == 404


def test_an_association_with_its_type_in_the_body(hubspot: httpx.Client, make_contact: Make, make_ticket: Make) -> None:
    contact, ticket = make_contact(email="a@shop.example")["id"], make_ticket(subject="Lost parcel")["id"]
    path = f"/crm/v4/objects/tickets/{ticket}/associations/contacts/{contact}"
    answer = expect(hubspot.put(path, json=[{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16}]), 201)
    assert answer.json()["toObjectId"] == int(contact)
    assert hubspot.put(path, json=[]).status_code == 400
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 26}]
    assert hubspot.put(path, json=wrong).status_code == 400


def test_the_types_of_association_between_two_object_types(hubspot: httpx.Client) -> None:
    to_orders = hubspot.get("/crm/v4/associations/tickets/orders/labels").json()
    assert to_orders == {"results": [{"category": "HUBSPOT_DEFINED", "typeId": 526, "label": None}]}
    to_companies = hubspot.get("/crm/v4/associations/tickets/companies/labels").json()["results"]
    assert [(one["typeId"], one["label"]) for one in to_companies] == [(339, None), (26, "Primary")]
    assert hubspot.get("/crm/v4/associations/orders/notes/labels").json() == {"results": []}


def test_associations_of_many_records(hubspot: httpx.Client, make_contact: Make, make_ticket: Make) -> None:
    contact = make_contact(email="a@shop.example")["id"]
    with_one, without = make_ticket(contact, subject="1")["id"], make_ticket(subject="2")["id"]

    path = "/crm/v4/associations/tickets/contacts/batch/read"
    answer = expect(hubspot.post(path, json={"inputs": [{"id": with_one}, {"id": without}]}), 207).json()
    assert [(one["from"]["id"], one["to"][0]["toObjectId"]) for one in answer["results"]] == [(with_one, int(contact))]
    assert answer["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert hubspot.post(path, json={"inputs": [{"id": with_one}]}).status_code == 200


def test_an_archived_contact_is_no_longer_associated(
    hubspot: httpx.Client, make_contact: Make, make_ticket: Make
) -> None:
    contact = make_contact(email="a@shop.example")["id"]
    ticket = make_ticket(contact, subject="Lost parcel")["id"]
    hubspot.delete(f"/crm/v3/objects/contacts/{contact}")
    assert "associations" not in hubspot.get(f"{TICKETS}/{ticket}", params={"associations": "contacts"}).json()


def test_notes_on_a_ticket(hubspot: httpx.Client, make_ticket: Make) -> None:
    ticket = make_ticket(subject="Lost parcel")["id"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 228}]
    note = {"hs_note_body": "Carrier asked.", "hs_timestamp": "2026-03-01T10:00:00Z"}
    body = {"properties": note, "associations": [{"to": {"id": ticket}, "types": types}]}
    id = hubspot.post("/crm/v3/objects/notes", json=body).json()["id"]

    assert hubspot.get(f"{TICKETS}/{ticket}/associations/notes").json()["results"] == [
        {"id": id, "type": "ticket_to_note"}
    ]
    read_note = hubspot.get(f"/crm/v3/objects/notes/{id}", params={"properties": "hs_note_body,hs_timestamp"}).json()
    assert read_note["properties"]["hs_note_body"] == "Carrier asked."
    assert read_note["properties"]["hs_timestamp"] == "2026-03-01T10:00:00.000Z"
    missing = hubspot.post("/crm/v3/objects/notes", json={"properties": {"hs_note_body": "x"}})
    assert missing.json()["context"] == {"properties": ["hs_timestamp"]}
