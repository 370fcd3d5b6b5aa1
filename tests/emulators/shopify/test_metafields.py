"""Metafields: definitions, values, and the custom ids that make a write recognisable."""

from typing import Any

import pytest

from .conftest import Json, Shop

BY_CUSTOM_ID = """query($value: String!) { orderByIdentifier(identifier: {
  customId: {namespace: "lockstitch", key: "operation", value: $value}}) { id name } }"""


def marked(value: str, **more: Any) -> list[Json]:
    return [{"namespace": "lockstitch", "key": "operation", "value": value, **more}]


def set_metafields(shop: Shop, *values: Json) -> Json:
    return shop.data(
        """mutation($metafields: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $metafields) {
             metafields { namespace key value type jsonValue ownerType } userErrors { field message code } } }""",
        metafields=list(values),
    )["metafieldsSet"]


def test_a_definition_of_type_id_has_unique_values(shop: Shop) -> None:
    payload = shop.define(pin=True)
    assert payload["userErrors"] == []
    definition = payload["createdDefinition"]
    assert definition["type"] == {"name": "id", "category": "ID"}
    assert definition["capabilities"] == {"uniqueValues": {"eligible": True, "enabled": True}}
    assert definition["pinnedPosition"] is not None


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


def test_unique_values_are_not_for_every_type(shop: Shop) -> None:
    unique = {"uniqueValues": {"enabled": True}}
    (error,) = shop.define(type="json", capabilities=unique)["userErrors"]
    assert error["code"] == "INVALID_CAPABILITY"
    made = shop.define(type="single_line_text_field", capabilities=unique)
    assert made["createdDefinition"]["capabilities"]["uniqueValues"]["enabled"] is True


def test_definitions_are_listed_by_owner_namespace_and_key(shop: Shop) -> None:
    shop.define()
    shop.define(key="external_id", pin=True)
    shop.define(owner="CUSTOMER")
    shop.order(metafields=marked("op_1"))
    query = """query($key: String, $pinned: MetafieldDefinitionPinnedStatus) {
      metafieldDefinitions(first: 10, ownerType: ORDER, namespace: "lockstitch", key: $key, pinnedStatus: $pinned,
                           sortKey: NAME) { nodes { key metafieldsCount } } }"""
    nodes = shop.data(query)["metafieldDefinitions"]["nodes"]
    assert nodes == [{"key": "operation", "metafieldsCount": 1}, {"key": "external_id", "metafieldsCount": 0}]
    assert shop.data(query, pinned="PINNED")["metafieldDefinitions"]["nodes"] == [nodes[1]]
    assert shop.data(query, key="operation", pinned="UNPINNED")["metafieldDefinitions"]["nodes"] == [nodes[0]]


def test_an_order_is_found_by_its_custom_id_at_once(shop: Shop) -> None:
    shop.emulators.limit("shopify", search_lag=60)
    shop.define()
    order = shop.order(metafields=marked("op_1"))
    assert shop.data(BY_CUSTOM_ID, value="op_1")["orderByIdentifier"] == {"id": order["id"], "name": order["name"]}
    assert shop.data(BY_CUSTOM_ID, value="op_2")["orderByIdentifier"] is None
    by_id = shop.data("query($id: ID!) { orderByIdentifier(identifier: {id: $id}) { id } }", id=order["id"])
    assert by_id["orderByIdentifier"] == {"id": order["id"]}


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


def test_a_customer_is_made_and_found_again_by_a_custom_id(shop: Shop) -> None:
    shop.define(owner="CUSTOMER")
    query = """mutation($input: CustomerSetInput!) { customerSet(input: $input, identifier: {
                 customId: {namespace: "lockstitch", key: "operation", value: "erp-7"}}) {
                   customer { id firstName metafield(namespace: "lockstitch", key: "operation") { value type } }
                   userErrors { field message code } } }"""
    made, changed = (shop.data(query, input={"firstName": name})["customerSet"]["customer"] for name in ("Ann", "Bo"))
    assert made["metafield"] == changed["metafield"] == {"value": "erp-7", "type": "id"}
    assert (made["firstName"], changed["firstName"], changed["id"]) == ("Ann", "Bo", made["id"])
    data = shop.data("""{ customerByIdentifier(identifier: {
        customId: {namespace: "lockstitch", key: "operation", value: "erp-7"}}) { id } }""")
    assert data["customerByIdentifier"] == {"id": made["id"]}
    assert shop.create_customer(firstName="Cy", metafields=marked("erp-7"))["userErrors"] == [
        {"field": ["metafields", "0", "value"], "message": "Value has already been taken"}
    ]


def test_values_are_set_read_by_name_and_deleted_without_touching_others(shop: Shop) -> None:
    gid = shop.customer(firstName="Ida")["id"]
    payload = set_metafields(
        shop,
        {"ownerId": gid, "namespace": "loyalty", "key": "points", "type": "number_integer", "value": "12"},
        {"ownerId": gid, "key": "private", "type": "single_line_text_field", "value": "x"},
    )
    assert payload["userErrors"] == []
    assert payload["metafields"][0]["jsonValue"] == 12
    assert payload["metafields"][1]["namespace"].startswith("app--")
    query = """query($id: ID!) { customer(id: $id) {
      own: metafield(namespace: "$app", key: "private") { value }
      some: metafields(first: 5, namespace: "loyalty") { nodes { key } }
      picked: metafields(first: 5, keys: ["loyalty.points", "loyalty.none"]) { nodes { value } } } }"""
    assert shop.data(query, id=gid)["customer"] == {
        "own": {"value": "x"},
        "some": {"nodes": [{"key": "points"}]},
        "picked": {"nodes": [{"value": "12"}]},
    }
    deleted = shop.data(
        """mutation($id: ID!) { metafieldsDelete(metafields: [
             {ownerId: $id, namespace: "loyalty", key: "points"}, {ownerId: $id, namespace: "loyalty", key: "none"}]) {
             deletedMetafields { key } userErrors { message } } }""",
        id=gid,
    )["metafieldsDelete"]
    assert deleted == {"deletedMetafields": [{"key": "points"}, None], "userErrors": []}
    left = shop.data(query, id=gid)["customer"]
    assert (left["own"], left["some"]["nodes"]) == ({"value": "x"}, [])


@pytest.mark.parametrize(
    ("members", "step", "code"),
    [
        ({"ownerId": "gid://shopify/Customer/1", "type": "json", "value": "1"}, "ownerId", "INVALID_VALUE"),
        ({"value": "1"}, "type", "BLANK"),
        ({"type": "number_integer", "value": "1.5"}, "value", "INVALID_VALUE"),
        ({"type": "json", "value": "{"}, "value", "INVALID_VALUE"),
        ({"type": "date", "value": "tomorrow"}, "value", "INVALID_VALUE"),
        ({"type": "json", "value": ""}, "value", "INVALID_VALUE"),
        ({"key": "operation", "type": "json", "value": "1"}, "type", "INVALID_TYPE"),
        ({"key": "operation", "value": "taken"}, "value", "TAKEN"),
    ],
)
def test_values_refused(shop: Shop, members: Json, step: str, code: str) -> None:
    shop.define(owner="CUSTOMER")
    shop.customer(firstName="Ann", metafields=marked("taken"))
    gid = shop.customer(firstName="Bo")["id"]
    payload = set_metafields(shop, {"ownerId": gid, "namespace": "lockstitch", "key": "other", **members})
    assert payload["metafields"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [(["metafields", "0", step], code)]


def test_all_values_of_one_call_are_set_or_none(shop: Shop) -> None:
    gid = shop.customer(firstName="Ida")["id"]
    good = {"ownerId": gid, "namespace": "loyalty", "key": "level", "type": "boolean", "value": "true"}
    assert set_metafields(shop, good, {**good, "key": "other", "value": "maybe"})["userErrors"]
    assert shop.emulators.records("shopify", "Customer")[0]["metafields"] == {"nodes": []}
    too_many = [{**good, "key": f"key{number}"} for number in range(26)]
    assert set_metafields(shop, *too_many)["userErrors"][0]["code"] == "LESS_THAN_OR_EQUAL_TO"
