"""Fields and query parameters that are refused, each with a pointer or its name; what a connection cannot do."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, expect, parameters, pointers
from tests.contract.samples import customer, order, ticket, word


def refused(caller: Caller, path: str, body: Any) -> list[str]:
    """The pointers of an `invalid-field`."""
    return pointers(expect(caller.write("POST", path, body), 422, "invalid-field"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"first_nmae": "Ada"}, "/first_nmae"),
        ({"emails": [{"address": "a@example.com"}, {"adress": "b@example.com"}]}, "/emails/1/adress"),
        ({"addresses": [{"line1": "x", "street": "y"}]}, "/addresses/0/street"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"": 1}, "/"),
        ({"ключ": 1}, "/ключ"),
        ({"with ` - at `$.x`": 1}, "/with ` - at `$.x`"),
        ({"emails": [{"type": "work"}]}, "/emails/0/address"),
    ],
)
def test_the_pointer_ends_in_the_member_that_is_unknown_or_missing(caller: Caller, body: Any, pointer: str) -> None:
    assert refused(caller, "/v1/customers", body) == [pointer]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"first_name": 7}, "/first_name"),
        ({"first_name": ["Ada"]}, "/first_name"),
        ({"first_name": True}, "/first_name"),
        ({"emails": "a@example.com"}, "/emails"),
        ({"emails": ["a@example.com"]}, "/emails/0"),
        ({"emails": [{"address": "a@example.com", "is_primary": "true"}]}, "/emails/0/is_primary"),
        ({"emails": [{"address": "a@example.com", "is_primary": 1}]}, "/emails/0/is_primary"),
        ({"kind": None}, "/kind"),
        ({"status": None}, "/status"),
        ({"lifecycle_stage": None}, "/lifecycle_stage"),
        ({"kind": "robot"}, "/kind"),
        ({"first_name": "a" * 1001}, "/first_name"),
        ({"external_id": ""}, "/external_id"),
        (
            {"consents": [{"channel": "email", "state": "opted_in", "collected_at": "2026-05-01"}]},
            "/consents/0/collected_at",
        ),
    ],
)
def test_types_are_strict(caller: Caller, body: Any, pointer: str) -> None:
    assert refused(caller, "/v1/customers", body) == [pointer]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"quantity": 2}, "quantity"),
        ({"quantity": "1e3"}, "quantity"),
        ({"quantity": "+1"}, "quantity"),
        ({"quantity": "1", "unit_price": 19.9}, "unit_price"),
        ({"quantity": "1", "unit_price": "19,90"}, "unit_price"),
    ],
)
def test_amounts_are_decimal_strings(caller: Caller, line: dict[str, Any], name: str) -> None:
    body = order(line_items=[{"name": "Mug", "unit_price": "19.90", **line}])
    assert refused(caller, "/v1/orders", body) == [f"/line_items/0/{name}"]


def test_all_errors_are_reported_at_once(caller: Caller) -> None:
    body = {
        "emails": [{"address": "no address"}, {"address": "ada@example.com", "is_primary": True}],
        "phones": [{"e164": "0800"}, {}],
        "language": "xx-klingon-1",
        "timezone": "Mars/Olympus",
        "currency": "EUR",
        "addresses": [{"country_code": "XX"}],
    }
    answer = expect(caller.write("POST", "/v1/customers?connection=nowhere&loss=yes", body), 422, "invalid-field")
    errors = answer.json()["errors"]
    places = [error.get("pointer") or error.get("parameter") for error in errors]
    assert {"/emails/0/address", "/phones/0/e164", "/phones/1", "/timezone", "loss"} <= set(places)
    assert "/addresses/0/country_code" in places


@pytest.mark.parametrize(
    "body", [{"first_name": "A\0"}, {"emails": [{"address": "a\0@example.com"}]}, {"tags": ["\0"]}]
)
def test_a_nul_is_refused_where_it_is(caller: Caller, body: Any) -> None:
    (pointer,) = refused(caller, "/v1/customers", body)
    assert pointer.startswith(f"/{next(iter(body))}")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("nope=1", "nope"),
        ("limit=0", "limit"),
        ("limit=251", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=5&limit=6", "limit"),
        ("limit=5&limit=5", "limit"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-05-01", "updated_since"),
        ("updated_since=2026-05-01T00:00:00", "updated_since"),
        ("updated_since=2026-13-01T00:00:00Z", "updated_since"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("email=a%00b", "email"),
        ("email=", "email"),
        ("connection=nowhere", "connection"),
        ("connection=", "connection"),
        ("include=raw", "include"),
        ("status=open", "status"),
        ("Limit=5", "Limit"),
        ("%FF=1", "query"),
        ("limit=%FF", "query"),
        ("&".join(f"a{place}=1" for place in range(200)), "query"),
    ],
)
def test_parameters_of_a_list(caller: Caller, query: str, name: str) -> None:
    answer = expect(caller.get(f"/v1/customers?{query}"), 422, "invalid-field")
    assert parameters(answer) == [name]


def test_all_wrong_parameters_are_reported(caller: Caller) -> None:
    answer = expect(caller.get("/v1/customers?limit=0&updated_since=now&nope=1"), 422, "invalid-field")
    assert sorted(parameters(answer)) == ["limit", "nope", "updated_since"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/hubspot:1?include=everything",
        "/v1/customers/hubspot:1?fields=id",
        "/v1/me?verbose=1",
        "/v1/contracts?x=1",
        "/v1/contracts/order?x=1",
        "/v1/operations?state=done",
        "/v1/operations/op_1?x=1",
        "/v1/operations?cursor=cus_1",
        "/v1/tickets/zendesk:1/comments?updated_since=2026-05-01T00:00:00Z",
    ],
)
def test_parameters_of_other_reads(caller: Caller, path: str) -> None:
    assert code_of(caller.get(path), 422) == "invalid-field"


@pytest.mark.parametrize(
    "query",
    [
        "upsert_on=phone",
        "upsert_on=",
        "loss=true",
        "lossy=accept",
        "connection=nowhere",
        "limit=5",
        "loss=any&loss=any",
    ],
)
def test_parameters_of_a_write(caller: Caller, query: str) -> None:
    answer = expect(caller.write("POST", f"/v1/customers?{query}", customer("hubspot")), 422, "invalid-field")
    assert parameters(answer) == [query.partition("=")[0]]


def test_a_value_that_this_connection_cannot_hold_lists_those_that_it_can(caller: Caller) -> None:
    answer = expect(caller.write("POST", "/v1/tickets", ticket("zendesk", status="spam")), 422, "invalid-field")
    assert pointers(answer) == ["/status"]
    for status in ("new", "open", "waiting_on_customer", "resolved"):
        assert status in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/customers", customer("hubspot", notes="None here."), "/notes"),
        ("/v1/customers?connection=shopify", customer("shopify", job_title="Potter"), "/job_title"),
        ("/v1/customers?connection=zendesk", customer("zendesk", currency="EUR"), "/currency"),
        ("/v1/orders", order(internal_note="A word."), "/internal_note"),
        ("/v1/tickets?connection=hubspot", ticket("hubspot", tags=["breakage"]), "/tags"),
    ],
)
def test_a_field_without_a_place_is_refused_or_reported(caller: Caller, path: str, body: Any, pointer: str) -> None:
    and_ = "&" if "?" in path else "?"
    strict = expect(caller.write("POST", f"{path}{and_}loss=none", body), 422, "unsupported-field")
    assert pointers(strict) == [pointer]
    for loss in ("", f"{and_}loss=descriptive", f"{and_}loss=any"):
        made = caller.create(f"{path}{loss}", body | unlike(body))
        assert [lost["path"] for lost in made["meta"]["loss"] if lost["kind"] == "dropped"] == [pointer]


def unlike(body: Any) -> Any:
    """Another person, so that each body is a new record."""
    return {"emails": [{"address": f"{word()}@example.com"}]} if "emails" in body else {}


def test_no_loss_policy_forgives_an_invalid_value(caller: Caller) -> None:
    answer = caller.write("POST", "/v1/customers?loss=any", customer("hubspot", phones=[{}], notes="x"))
    assert code_of(answer, 422) == "invalid-field"
