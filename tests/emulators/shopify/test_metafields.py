"""Metafields: definitions, values, and the custom ids that make a write recognisable."""

from typing import Any

import pytest

from .conftest import Json, Shop

BY_CUSTOM_ID = """query($value: String!) { orderByIdentifier(identifier: {
  customId: {namespace: "lockstitch", key: "operation", value: $value}}) { id name } }"""


def marked(value: str, **more: Any) -> list[Json]:
    return [{"namespace": "lockstitch", "key": "operation", "value": value, **more}]


def update(shop: Shop, gid: str, *values: Json) -> Json:
    return shop.data(
        """mutation($input: CustomerInput!) { customerUpdate(input: $input) { customer {
             metafields(first: 5) { nodes { namespace key value type } } } userErrors { field message } } }""",
        input={"id": gid, "metafields": list(values)},
    )["customerUpdate"]


def test_a_definition_is_made_once(shop: Shop) -> None:
    shop.define()
    payload = shop.define()
    assert payload == {
        "createdDefinition": None,
        "userErrors": [
            {
                "field": ["definition", "key"],
                "message": "Key is in use for Order metafields on the 'lockstitch' namespace.",
                "code": "TAKEN",
            }
        ],
    }
    assert shop.define(owner="CUSTOMER")["userErrors"] == []


@pytest.mark.parametrize(
    ("definition", "field", "code"),
    [
        ({"type": "colour_of_mind"}, "type", "INCLUSION"),
        ({"key": "a b"}, "key", "INVALID_CHARACTER"),
        ({"namespace": "x"}, "namespace", "TOO_SHORT"),
        ({"key": "k" * 256}, "key", "TOO_LONG"),
        ({"name": " "}, "name", "BLANK"),
    ],
)
def test_definitions_refused(shop: Shop, definition: Json, field: str, code: str) -> None:
    (error,) = shop.define(**definition)["userErrors"]
    assert (error["field"], error["code"]) == (["definition", field], code)


def test_definitions_are_listed_by_owner(shop: Shop) -> None:
    shop.define()
    shop.define(key="external_id", validations=[{"name": "choices", "value": '["a"]'}])
    shop.define(owner="CUSTOMER")
    query = "{ metafieldDefinitions(first: 10, ownerType: ORDER) { nodes { key validations { name value } } } }"
    assert shop.data(query)["metafieldDefinitions"]["nodes"] == [
        {"key": "operation", "validations": []},
        {"key": "external_id", "validations": [{"name": "choices", "value": '["a"]'}]},
    ]


def test_an_order_is_found_by_its_custom_id_at_once(shop: Shop) -> None:
    shop.emulators.limit("shopify", search_lag=60)
    shop.define()
    order = shop.order(metafields=marked("op_1"))
    assert shop.data(BY_CUSTOM_ID, value="op_1")["orderByIdentifier"] == {"id": order["id"], "name": order["name"]}
    assert shop.data(BY_CUSTOM_ID, value="op_2")["orderByIdentifier"] is None


def test_a_second_order_with_the_same_custom_id_is_not_made(shop: Shop) -> None:
    shop.define()
    shop.order(metafields=marked("op_1"))
    payload = shop.create_order(metafields=marked("op_1"))
    assert payload == {
        "order": None,
        "userErrors": [
            {
                "field": ["order", "metafields", "0", "value"],
                "message": "Value has already been taken",
                "code": "INVALID",
            }
        ],
    }
    assert len(shop.emulators.records("shopify", "Order")) == 1


def test_a_custom_id_needs_a_definition(shop: Shop) -> None:
    body = shop.ask(BY_CUSTOM_ID, value="op_1")
    assert body["data"] == {"orderByIdentifier": None}
    assert body["errors"][0]["message"] == "Metafield definition of type 'id' is required when using custom ids."
    assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    for _ in range(2):
        shop.order(metafields=marked("op_1", type="single_line_text_field"))


def test_a_customer_is_found_by_a_custom_id(shop: Shop) -> None:
    shop.define(owner="CUSTOMER")
    made = shop.customer(firstName="Ann", metafields=marked("erp-7"))
    data = shop.data("""{ customerByIdentifier(identifier: {
        customId: {namespace: "lockstitch", key: "operation", value: "erp-7"}}) { id } }""")
    assert data["customerByIdentifier"] == {"id": made["id"]}
    assert shop.create_customer(firstName="Cy", metafields=marked("erp-7"))["userErrors"] == [
        {"field": ["metafields", "0", "value"], "message": "Value has already been taken"}
    ]


def test_values_are_set_read_by_name_and_deleted_without_touching_others(shop: Shop) -> None:
    gid = shop.customer(firstName="Ida")["id"]
    points = {"namespace": "loyalty", "key": "points", "type": "number_integer", "value": "12"}
    level = {"namespace": "loyalty", "key": "level", "type": "boolean", "value": "true"}
    payload = update(shop, gid, points, level)
    assert payload["customer"]["metafields"]["nodes"] == [points, level]
    query = """query($id: ID!) { customer(id: $id) {
      level: metafield(namespace: "loyalty", key: "level") { value }
      picked: metafields(first: 5, keys: ["loyalty.points", "loyalty.none"]) { nodes { value } } } }"""
    assert shop.data(query, id=gid)["customer"] == {"level": {"value": "true"}, "picked": {"nodes": [{"value": "12"}]}}
    deleted = shop.data(
        """mutation($id: ID!) { metafieldsDelete(metafields: [
             {ownerId: $id, namespace: "loyalty", key: "points"}, {ownerId: $id, namespace: "loyalty", key: "none"}]) {
             userErrors { message } } }""",
        id=gid,
    )["metafieldsDelete"]
    assert deleted == {"userErrors": []}
    assert shop.data(query, id=gid)["customer"] == {"level": {"value": "true"}, "picked": {"nodes": []}}


@pytest.mark.parametrize(
    ("members", "step"),
    [
        ({"value": "1"}, "type"),
        ({"type": "number_integer", "value": "1.5"}, "value"),
        ({"type": "date", "value": "tomorrow"}, "value"),
        ({"type": "boolean", "value": ""}, "value"),
        ({"key": "operation", "type": "boolean", "value": "true"}, "type"),
        ({"key": "operation", "value": "taken"}, "value"),
    ],
)
def test_values_refused(shop: Shop, members: Json, step: str) -> None:
    shop.define(owner="CUSTOMER")
    shop.customer(firstName="Ann", metafields=marked("taken"))
    gid = shop.customer(firstName="Bo")["id"]
    payload = update(shop, gid, {"namespace": "lockstitch", "key": "other", **members})
    assert payload["customer"] is None
    assert [error["field"] for error in payload["userErrors"]] == [["metafields", "0", step]]
