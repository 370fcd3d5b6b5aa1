"""The endpoint itself: token, version, errors at the top, cost and throttling."""

from typing import Any

import pytest

from .conftest import PATH, Shop

SHOP = "{ shop { name currencyCode } }"


def test_the_shop(shop: Shop) -> None:
    assert shop.data(SHOP)["shop"] == {"name": "Lockstitch Dev", "currencyCode": "USD"}


@pytest.mark.parametrize(
    ("version", "status"),
    [("2026-07", 200), ("unstable", 200), ("2024-01", 200), ("2027-01", 404), ("july", 404)],
)
def test_old_versions_fall_forward_and_the_answer_says_which_it_is(shop: Shop, version: str, status: int) -> None:
    answer = shop.http.post(f"/shopify/admin/api/{version}/graphql.json", json={"query": SHOP})
    assert answer.status_code == status
    assert answer.headers["x-shopify-api-version"] == "2026-07"
    assert len(answer.headers["x-request-id"]) == 36


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": ""}', b'{"query": 7}', b"\xff"])
def test_a_body_without_a_query(shop: Shop, body: bytes) -> None:
    answer = shop.http.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json() == {"errors": {"query": "Required parameter missing or invalid"}}


def test_one_operation_of_several_is_chosen_by_name(shop: Shop) -> None:
    body = {"query": "query A { shop { name } } query B { shop { currencyCode } }"}
    assert "errors" in shop.http.post(PATH, json=body).json()
    answer = shop.http.post(PATH, json={**body, "operationName": "B"}).json()
    assert answer["data"] == {"shop": {"currencyCode": "USD"}}


def first_error(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    assert "data" not in body
    error = body["errors"][0]
    return error["message"], error.get("extensions", {})


def test_a_syntax_error(shop: Shop) -> None:
    message, _ = first_error(shop.ask("{ shop { name "))
    assert message.startswith("syntax error, ")


def test_an_unknown_field(shop: Shop) -> None:
    message, more = first_error(shop.ask("{ shop { colour } }"))
    assert message == "Field 'colour' doesn't exist on type 'Shop'"
    assert more == {"code": "undefinedField", "typeName": "Shop", "fieldName": "colour"}


def test_an_unknown_argument(shop: Shop) -> None:
    message, more = first_error(shop.ask('{ order(id: "gid://shopify/Order/1", name: "#1") { id } }'))
    assert message == "Field 'order' doesn't accept argument 'name'"
    assert more["code"] == "argumentNotAccepted"


def test_a_missing_argument(shop: Shop) -> None:
    message, more = first_error(shop.ask("{ order { id } }"))
    assert message == "Field 'order' is missing required arguments: id"
    assert more["code"] == "missingRequiredArguments"


def test_errors_of_a_user_error_type_without_codes(shop: Shop) -> None:
    """`customerCreate` has no codes; who asks for them gets nothing at all."""
    query = 'mutation { customerCreate(input: {email: "a@example.com"}) { userErrors { code } } }'
    message, _ = first_error(shop.ask(query))
    assert message == "Field 'code' doesn't exist on type 'UserError'"
    assert shop.emulators.records("shopify", "Customer") == []


@pytest.mark.parametrize(
    "input", [{"colour": "red"}, {"email": 7}, {"tags": [None]}, {"emailMarketingConsent": {"marketingState": "MAYBE"}}]
)
def test_a_variable_that_does_not_fit(shop: Shop, input: dict[str, Any]) -> None:
    query = "mutation($input: CustomerInput!) { customerCreate(input: $input) { userErrors { message } } }"
    message, more = first_error(shop.ask(query, input=input))
    assert message.startswith("Variable $input was provided invalid value")
    assert more["code"] == "INVALID_VARIABLE"
    assert more["problems"][0]["explanation"]


def test_a_list_that_is_too_long(shop: Shop) -> None:
    query = "mutation($input: CustomerInput!) { customerCreate(input: $input) { userErrors { message } } }"
    message, more = first_error(shop.ask(query, input={"firstName": "A", "tags": [f"t{n}" for n in range(251)]}))
    assert message == "The input array size of 251 is greater than the maximum allowed of 250."
    assert more["code"] == "MAX_INPUT_SIZE_EXCEEDED"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "you must provide one of first or last"),
        ("(first: -1)", "first cannot be negative"),
        ("(first: 251)", "first cannot exceed 250"),
        ('(first: 1, after: "nonsense")', "Invalid cursor for current pagination sort."),
    ],
)
def test_a_page_that_is_none(shop: Shop, arguments: str, message: str) -> None:
    body = shop.ask(f"{{ customers{arguments} {{ nodes {{ id }} }} }}")
    assert body["data"] is None
    assert (body["errors"][0]["message"], body["errors"][0]["extensions"]) == (message, {"code": "BAD_REQUEST"})


@pytest.mark.parametrize(
    ("id", "code"), [("7", "argumentLiteralsIncompatible"), ("gid://shopify/Order/7", "RESOURCE_NOT_FOUND")]
)
def test_an_id_that_is_not_a_customers(shop: Shop, id: str, code: str) -> None:
    body = shop.ask("query($id: ID!) { customer(id: $id) { id } }", id=id)
    assert body["data"] == {"customer": None}
    assert (body["errors"][0]["path"], body["errors"][0]["extensions"]["code"]) == (["customer"], code)


def test_nothing_is_there(shop: Shop) -> None:
    query = '{ customer(id: "gid://shopify/Customer/7") { id } order(id: "gid://shopify/Order/7") { id } }'
    assert shop.data(query) == {"customer": None, "order": None}


def test_a_null_where_none_may_be_takes_its_parent_with_it(shop: Shop) -> None:
    placed = shop.emulators.place("shopify", "Order", {"name": None})
    body = shop.ask("query($id: ID!) { order(id: $id) { id name } }", id=placed["id"])
    assert body["data"] == {"order": None}
    assert body["errors"][0]["path"] == ["order", "name"]
