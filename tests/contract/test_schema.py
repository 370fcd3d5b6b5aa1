"""The OpenAPI document as it is served, and answers of the running Lockstitch held against it."""

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.contract.callers import Caller, expect
from tests.contract.samples import customer, order, ticket

Schema = dict[str, Any]


@pytest.fixture
def document(anonymous: Caller) -> Schema:
    """The document, which needs no key."""
    answer = expect(anonymous.get("/schema/openapi.json"))
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def check(document: Schema, answer: httpx.Response) -> None:
    """Raises where a status, a media type or a body is not what the document promises."""
    method, path = answer.request.method.lower(), answer.request.url.path
    candidates = [known for known in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)]
    operation = document["paths"][min(candidates, key=lambda known: known.count("{"))][method]
    response = operation["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = response["content"][media_type]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.json())


def test_it_names_the_server_that_served_it(document: Schema, caller: Caller) -> None:
    assert document["openapi"] == "3.1.0"
    assert len(document["servers"]) == 1
    assert document["servers"][0]["url"].startswith("http")


def test_the_reference_is_a_page_that_runs_nothing(anonymous: Caller) -> None:
    answer = expect(anonymous.get("/schema"))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<h1>Lockstitch" in answer.text
    head = anonymous.head("/schema")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/me",
        "/v1/contracts",
        "/v1/contracts/customer",
        "/v1/contracts/order",
        "/v1/contracts/ticket",
        "/v1/contracts/comment",
        "/v1/customers",
        "/v1/customers?connection=shopify",
        "/v1/customers?connection=zendesk",
        "/v1/customers?colour=blue",
        "/v1/customers/nonsense",
        "/v1/orders",
        "/v1/tickets",
        "/v1/tickets?connection=hubspot",
        "/v1/operations",
        "/v1/operations/op_1",
        "/health/live",
        "/health/ready",
        "/problems/not-found",
        "/problems/no-such-problem",
    ],
)
def test_reads_are_as_documented(document: Schema, caller: Caller, path: str) -> None:
    check(document, caller.get(path))


@pytest.mark.parametrize("connection", ["hubspot", "shopify", "zendesk"])
def test_customers_are_as_documented(document: Schema, caller: Caller, connection: str) -> None:
    made = caller.write("POST", f"/v1/customers?connection={connection}", customer(connection))
    check(document, made)
    path = f"/v1/customers/{made.json()['id']}"
    check(document, caller.get(path))
    check(document, caller.get(f"{path}?include=raw"))
    check(document, caller.write("PATCH", path, {"language": "de"}))
    check(document, caller.write("DELETE", path))


def test_orders_are_as_documented(document: Schema, caller: Caller) -> None:
    made = caller.write("POST", "/v1/orders", order())
    check(document, made)
    path = f"/v1/orders/{made.json()['id']}"
    check(document, caller.get(path))
    check(document, caller.write("PATCH", path, {"tags": ["gift"]}))
    check(document, caller.write("POST", f"{path}/cancel", {"reason": "customer"}))


def test_tickets_and_comments_are_as_documented(document: Schema, caller: Caller) -> None:
    made = caller.write("POST", "/v1/tickets?connection=zendesk", ticket("zendesk"))
    check(document, made)
    path = f"/v1/tickets/{made.json()['id']}"
    check(document, caller.get(path))
    check(document, caller.write("POST", f"{path}/comments", {"body_text": "On its way.", "visibility": "private"}))
    check(document, caller.get(f"{path}/comments"))
    check(document, caller.get(f"/v1/operations/{made.json()['meta']['operation_id']}"))


def test_refusals_are_as_documented(document: Schema, caller: Caller, anonymous: Caller) -> None:
    check(document, anonymous.get("/v1/customers"))
    check(document, caller.post("/v1/customers", json={"first_name": "Ann"}))
    check(document, caller.write("POST", "/v1/customers", {"meta": {}}))
    check(document, caller.write("POST", "/v1/customers?connection=hubspot", {"tags": ["vip"]}))
    check(document, caller.write("POST", "/v1/tickets/zendesk:1/comments", {}))
    check(document, caller.write("POST", "/v1/orders/shopify:1/cancel", {"reason": "customer"}))


@pytest.mark.parametrize("path", ["/schema", "/problems/not-found", "/metrics"])
def test_a_charset_is_named_once(caller: Caller, path: str) -> None:
    answer = caller.get(path, headers={"accept": "text/html, text/plain"})
    assert answer.headers["content-type"].count("charset=utf-8") == 1
