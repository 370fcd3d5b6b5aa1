"""The OpenAPI document: valid, complete, true of the routes, and made of the committed schemas."""

import re
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi import definitions

from app.claims.routes import NewClaim
from app.copies.copy import CopyRequest
from app.dead_letters.bulk_redrive import RedriveRequest
from app.dead_letters.decide import DiscardOrder, RedriveOrder
from app.errors import CATALOGUE
from app.events.replay import ReplayOrder
from app.events.subscriptions import SubscriptionRequest
from app.http.decode_body import decode_patch
from app.http.operation import KeyOperation, declaration_of
from app.monitoring.runs import NewNote
from app.openapi.document import document
from app.openapi.shapes import COMPONENT
from app.persons.models import EraseOrder, PersonName
from app.revisions.mapping_routes import RouteOrder
from app.vendors.connections import ConnectionPause
from app.walks.backfill.models import BackfillRequest
from app.writes.decide_approval import DecisionNote
from app.writes.for_operators import Resolution
from app.writes.tags import TagsChange
from canonical.customer import CustomerPatch
from canonical.order import Order
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.schema import FOLDER, ROOTS
from canonical.ticket import CommentPatch, TicketPatch
from canonical.totals import check_totals
from canonical.validate import patch_errors
from tests.openapi.whole_api import DOCUMENT, HANDLERS

Schema = dict[str, Any]

DECLARED = {declared.name: declared for declared in map(declaration_of, HANDLERS)}
OPERATORS = (RedriveOrder, DiscardOrder, RedriveRequest)
PREFIXES = {"Customers": "cus_", "Orders": "ord_", "Tickets": "tkt_"}
ENDS_ANYWAY = ("delete_subscription", "release_claim")
BODIES: dict[str, type[msgspec.Struct]] = {
    kind.__name__: kind
    for kind in (
        CustomerPatch,
        OrderPatch,
        OrderCancel,
        TicketPatch,
        CommentPatch,
        TagsChange,
        NewClaim,
        NewNote,
        CopyRequest,
        Resolution,
        DecisionNote,
        ConnectionPause,
        PersonName,
        EraseOrder,
        *OPERATORS,
        SubscriptionRequest,
        ReplayOrder,
        RouteOrder,
        BackfillRequest,
    )
}


def fits(schema: Schema, instance: Any) -> None:
    """Raises ValidationError where an instance does not fit a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(instance)


def resolved(part: Schema) -> Schema:
    """What a `$ref` stands for, or the thing itself."""
    node: Any = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/") if "$ref" in part else ():
        node = node[step]
    return part if node is DOCUMENT else node


def operations() -> Iterator[tuple[str, str, Schema]]:
    """Yield method, path and description of every operation, with what it refers to."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            parameters = [resolved(one) for one in operation["parameters"]]
            responses = {status: resolved(one) for status, one in operation["responses"].items()}
            yield method, path, operation | {"parameters": parameters, "responses": responses}


OPERATIONS = [pytest.param(*operation, id=operation[2]["operationId"]) for operation in operations()]


def test_it_is_openapi_3_1() -> None:
    Draft202012Validator(definitions.OPENAPI_31).validate(DOCUMENT)
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    for reference in set(re.findall(r'"\$ref":"([^"]+)"', text)):
        assert resolved({"$ref": reference})


def test_it_has_every_route_and_no_other() -> None:
    routes = {
        (method.lower(), re.sub(r"\{(\w+):\w+\}", r"{\1}", path))
        for handler in HANDLERS
        for path in handler.paths
        for method in handler.http_methods
        if method != "HEAD"  # vendors check a webhook with HEAD; the POST documents it
    }
    assert {(method, path) for method, path, _ in operations()} == routes
    assert len({operation["operationId"] for _, _, operation in operations()}) == len(HANDLERS)


@pytest.mark.parametrize("file", ROOTS)
def test_its_components_are_the_committed_schemas(file: str) -> None:
    committed = FOLDER.joinpath(f"{file}.json").read_bytes().replace(b'"#/$defs/', f'"{COMPONENT}'.encode())
    schema = msgspec.json.decode(committed)
    components = DOCUMENT["components"]["schemas"]
    for name, definition in schema.get("$defs", {}).items():
        assert components[name] == definition
    assert components[schema["title"]] == {
        key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")
    }


def test_every_field_has_a_description_and_every_leaf_an_example() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, member in schema.get("properties", {}).items():
            assert member.get("description"), f"{name}.{field}"
            leaf = "$ref" not in msgspec.json.encode(member).decode()
            assert not leaf or "examples" in member, f"{name}.{field}"
            for example in member.get("examples", ()):
                fits(member, example)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_is_explained(method: str, path: str, operation: Schema) -> None:
    assert operation["summary"]
    assert operation["description"]
    named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", path))
    for parameter in operation["parameters"]:
        assert parameter["description"]
        for example in parameter["schema"].get("examples", [parameter.get("example")]):
            fits(parameter["schema"], example)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_requests_and_answers_have_examples_that_fit(method: str, path: str, operation: Schema) -> None:
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            examples = [resolved(one)["value"] for one in content.get("examples", {}).values()]
            for example in [*examples, *([content["example"]] if "example" in content else [])]:
                fits(content["schema"], example)
    for content in operation.get("requestBody", {"content": {}})["content"].values():
        fits(content["schema"], content["example"])
        if content["schema"].get("format") == "binary":
            continue  # a file
        into = BODIES[content["schema"]["$ref"].removeprefix(COMPONENT)]
        assert patch_errors(decode_patch(msgspec.json.encode(content["example"]), into)) == []


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_problem_has_its_status(method: str, path: str, operation: Schema) -> None:
    codes: set[str] = set()
    for status, response in operation["responses"].items():
        if int(status) < 400:
            continue
        plain, problem = (response["content"][kind] for kind in ("application/json", "application/problem+json"))
        assert plain["schema"] == problem["schema"]
        assert {CATALOGUE[code].status for code in problem["examples"]} == {int(status)}
        codes |= problem["examples"].keys()
    assert {"invalid-host", "internal"} <= codes
    assert ("unauthenticated" in codes) is (operation["security"] != [])
    assert ("forbidden" in codes) is bool(operation.get("x-required-scopes"))
    assert ("not-found" in codes) >= ("{" in path and operation["operationId"] not in ENDS_ANYWAY)
    assert ("malformed-body" in codes) is (method != "get")
    assert ("unsupported-media-type" in codes) is ("requestBody" in operation)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_keys_scopes_and_headers(method: str, path: str, operation: Schema) -> None:
    public = path.startswith(("/health", "/schema", "/problems", "/v1/webhooks", "/oauth"))
    assert operation["security"] == ([] if public else [{"key": []}])
    declared = DECLARED[operation["operationId"]]
    if isinstance(declared, KeyOperation):
        assert operation["x-required-scopes"] == list(declared.scopes)
        assert all(f"`{scope}`" in operation["description"] for scope in declared.scopes)
    for response in operation["responses"].values():
        assert {"X-Correlation-ID", "traceresponse"} <= response["headers"].keys()
        assert ("RateLimit" in response["headers"]) is not public
    for status in operation["responses"].keys() & {"429", "503"}:
        assert "Retry-After" in operation["responses"][status]["headers"]
    if "401" in operation["responses"]:
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


@pytest.mark.parametrize(("method", "path", "operation"), [one for one in OPERATIONS if one.values[0] != "get"])
def test_writes_that_reach_a_vendor_need_a_key_that_lives_seven_days(method: str, path: str, operation: Schema) -> None:
    own = (
        "/v1/operations",
        "/v1/uploads",
        "/v1/webhooks",
        "/v1/subscriptions",
        "/v1/backfills",
        "/v1/claims",
        "/v1/runs",
        "/ops/",
    )
    if path.startswith(own):
        return
    keys = [one for one in operation["parameters"] if one["name"] == "Idempotency-Key"]
    assert [one["required"] for one in keys] == [True]
    assert "7 days" in operation["description"]
    answers = operation["responses"]
    assert "Location" in answers["202"]["headers"]
    success = next(status for status in ("201", "200") if status in answers)
    assert "Idempotent-Replayed" in answers[success]["headers"]
    assert {"400", "401", "403", "404", "409", "412", "413", "422", "429", "500", "502", "503", "504"} <= answers.keys()


def test_tools_that_import_it_find_only_required_headers() -> None:
    imported = document("https://lockstitch.example", HANDLERS)
    parameters = imported["components"]["parameters"].values()
    assert {one["name"] for one in parameters if one["in"] == "header"} == {"Idempotency-Key"}
    for path, methods in imported["paths"].items():
        for method, operation in methods.items():
            left_out = [one for one in DOCUMENT["paths"][path][method]["parameters"] if resolved(one) not in parameters]
            named = operation["description"].rpartition("Optional headers: ")[2]
            assert all(f"`{resolved(one)['name']}`" in named for one in left_out)


def test_examples_of_writes_differ_from_each_other() -> None:
    writes = [one for _, _, one in operations() if "Idempotency-Key" in str(one["parameters"])]
    keys = [
        parameter["schema"]["examples"][0]
        for one in writes
        for parameter in one["parameters"]
        if parameter["name"] == "Idempotency-Key" and parameter["required"]
    ]
    assert len(set(keys)) == len(keys) > 15
    for one in writes:
        for parameter in one["parameters"]:
            if parameter["name"] == "id" and one["tags"][0] in PREFIXES:
                assert parameter["schema"]["examples"][0].startswith(PREFIXES[one["tags"][0]])


def test_the_order_that_is_shown_adds_up() -> None:
    example = DOCUMENT["paths"]["/v1/orders/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    order = msgspec.convert(example, Order)
    assert check_totals(order.totals, order.line_items, order.tax_inclusive) == ()


def test_every_problem_of_the_catalogue_is_shown() -> None:
    assert DOCUMENT["components"]["examples"].keys() == CATALOGUE.keys()
    for code, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["code"] == code


def test_schema_names_do_not_collide_in_generated_clients() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert not hasattr(typing, name), f"{name} hides the name of Python"
        member = schema["properties"].get(re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), {})
        assert member.get("type") != "object", f"{name} has a member of its own name that is an object"
        assert "$ref" not in msgspec.json.encode(member).decode(), f"{name} has a member of its own name"
