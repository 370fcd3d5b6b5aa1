"""Orders, their line items, and the pipeline of orders."""

from typing import Any

import httpx

from tests.contract.callers import expect

ORDERS = "/crm/v3/objects/orders"
LINES = "/crm/v3/objects/line_items"


def created(hubspot: httpx.Client, path: str, *bonds: tuple[str, int], **properties: str) -> dict[str, Any]:
    associations = [
        {"to": {"id": id}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]}
        for id, type_id in bonds
    ]
    return expect(hubspot.post(path, json={"properties": properties, "associations": associations}), 201).json()


def test_an_order_starts_in_the_first_stage_of_its_pipeline(hubspot: httpx.Client) -> None:
    (pipeline,) = hubspot.get("/crm/v3/pipelines/order").json()["results"]
    assert [one["label"] for one in pipeline["stages"]] == ["Open", "Processed", "Shipped", "Delivered", "Cancelled"]
    assert pipeline["stages"][0]["metadata"] == {"state": "OPEN"}

    order = created(hubspot, ORDERS, hs_order_name="#1")

    assert order["properties"]["hs_pipeline"] == pipeline["id"]
    assert order["properties"]["hs_pipeline_stage"] == pipeline["stages"][0]["id"]


def test_a_stage_of_tickets_is_refused(hubspot: httpx.Client) -> None:
    answer = expect(hubspot.post(ORDERS, json={"properties": {"hs_pipeline_stage": "1"}}), 400).json()
    assert answer["errors"][0]["code"] == "INVALID_OPTION"


def test_an_order_names_its_lines_and_buyer(hubspot: httpx.Client) -> None:
    contact = created(hubspot, "/crm/v3/objects/contacts", email="ann@example.com")["id"]
    line = created(hubspot, LINES, name="Mug", quantity="3", price="19.90", discount="1")
    assert line["properties"]["amount"] == "56.70"

    order = created(hubspot, ORDERS, (contact, 507), (line["id"], 513), hs_order_name="#1")["id"]

    associations = hubspot.get(f"{ORDERS}/{order}", params={"associations": "contacts,line_items"}).json()[
        "associations"
    ]
    assert associations["contacts"]["results"] == [{"id": contact, "type": "order_to_contact"}]
    assert associations["line items"]["results"] == [{"id": line["id"], "type": "order_to_line_item"}]
    body = {"inputs": [{"id": order}]}
    read = hubspot.post("/crm/v4/associations/orders/line_items/batch/read", json=body).json()["results"]
    assert [one["to"][0]["toObjectId"] for one in read] == [int(line["id"])]


def test_a_line_that_is_not_there_makes_no_order(hubspot: httpx.Client) -> None:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 513}]
    body = {"properties": {"hs_order_name": "#1"}, "associations": [{"to": {"id": "77"}, "types": types}]}

    assert hubspot.post(ORDERS, json=body).status_code == 400
    assert hubspot.get(ORDERS).json()["results"] == []


def test_the_key_of_the_shop_is_unique(hubspot: httpx.Client) -> None:
    first = created(hubspot, ORDERS, hs_external_order_id="web-1")["id"]

    answer = expect(hubspot.post(ORDERS, json={"properties": {"hs_external_order_id": "web-1"}}), 400)
    assert f"{first} already has that value" in answer.text
    by_key = hubspot.get(f"{ORDERS}/web-1", params={"idProperty": "hs_external_order_id"})
    assert by_key.json()["id"] == first


def test_the_net_price_of_a_line_is_computed(hubspot: httpx.Client) -> None:
    answer = expect(hubspot.post(LINES, json={"properties": {"name": "Mug", "amount": "5"}}), 400)
    assert "READ_ONLY_VALUE" in answer.text
