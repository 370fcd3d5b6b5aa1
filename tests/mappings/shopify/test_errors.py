"""Every refusal of Shopify is recognised at every status, and no answer raises."""

from pathlib import Path
from typing import Any

import pytest

from mappings.http import VendorRefusal
from mappings.shopify.errors import budget, refusal
from tests.mappings.drafts import reply
from tests.required import required

COST = {
    "requestedQueryCost": 820,
    "actualQueryCost": None,
    "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 220, "restoreRate": 100.0},
}


def no(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> VendorRefusal:
    """The refusal in an answer that must hold one."""
    return required(refusal(reply(body, status, headers)))


def top(code: str | None, message: str = "no", path: list[Any] | None = None) -> dict[str, Any]:
    """An error at the top of an answer."""
    extensions = {} if code is None else {"extensions": {"code": code}}
    return {"message": message, **extensions, **({} if path is None else {"path": path})}


def complained(mutation: str, *errors: dict[str, Any], member: str = "userErrors") -> dict[str, Any]:
    """An answer whose mutation refused its input."""
    return {"data": {mutation: {"customer": None, member: list(errors)}}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, "not_allowed"),
        (400, "rejected"),
        (401, "auth"),
        (402, "not_allowed"),
        (403, "not_allowed"),
        (404, "not_allowed"),
        (423, "not_allowed"),
        (429, "throttled"),
        (430, "not_allowed"),
        (500, "unavailable"),
        (503, "unavailable"),
        (520, "unavailable"),
    ],
)
def test_a_status_has_a_kind(status: int, kind: str) -> None:
    failure = no({"errors": "Something"}, status, {"x-request-id": "r-1"})

    assert (failure.kind, failure.request_id) == (kind, "r-1")


def test_the_edge_says_when_to_come_back() -> None:
    assert no({"errors": "Slow down"}, 429, {"retry-after": "2.0"}).retry_after == 2.0
    assert no(b"<html>Too many</html>", 429).kind == "throttled"
    assert no(b"<html>Bad gateway</html>", 502).detail == "Shopify answered with status 502"


def test_complaints_by_field_are_kept() -> None:
    failure = no({"errors": {"email": ["is invalid", "is odd"], "base": "no"}}, 422)

    assert failure.fields == (("email", "is invalid, is odd"), ("base", "no"))
    assert failure.detail == "email: is invalid, is odd; base: no"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("THROTTLED", "throttled"),
        ("ACCESS_DENIED", "not_allowed"),
        ("SHOP_INACTIVE", "not_allowed"),
        ("INTERNAL_SERVER_ERROR", "unavailable"),
        ("MAX_COST_EXCEEDED", "rejected"),
        ("undefinedField", "rejected"),
        (None, "rejected"),
    ],
)
def test_an_error_at_the_top_has_a_kind(code: str | None, kind: str) -> None:
    assert no({"errors": [top(code)]}).kind == kind
    assert no({"data": {"customer": None}, "errors": [top(code, path=["customer"])]}).kind == kind


def test_a_throttle_waits_until_the_points_are_back() -> None:
    throttled = {"errors": [top("THROTTLED", "Throttled")], "extensions": {"cost": COST}}

    assert no(throttled).retry_after == 6.0
    assert no({"errors": [top("THROTTLED")]}).retry_after == 1.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"field": ["email"], "message": "Email has already been taken"}, "duplicate"),
        ({"field": ["input", "email"], "message": "No", "code": "TAKEN"}, "duplicate"),
        ({"field": ["metafields", "0", "value"], "message": "Value must be unique"}, "duplicate"),
        ({"field": ["id"], "message": "Customer does not exist"}, "not_found"),
        ({"field": ["input", "id"], "message": "Customer not found"}, "not_found"),
        ({"field": ["input", "locationId"], "message": "Location does not exist"}, "rejected"),
        ({"field": ["input", "phone"], "message": "Phone is invalid"}, "rejected"),
        ({"field": None, "message": "Something went wrong"}, "rejected"),
    ],
)
def test_a_complaint_of_a_mutation_has_a_kind(error: dict[str, Any], kind: str) -> None:
    failure = no(complained("customerUpdate", error))

    assert (failure.kind, failure.detail) == (kind, error["message"])
    assert failure.fields == ((".".join(error["field"] or ()), error["message"]),) * bool(error["field"])


def test_what_a_create_refers_to_is_not_the_record() -> None:
    missing = {"field": ["order", "customer", "toAssociate", "id"], "message": "Customer does not exist"}

    assert no(complained("orderCreate", missing)).kind == "rejected"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NOT_FOUND", "not_found"),
        ("INVALID", "rejected"),
        ("NO_REFUND_PERMISSION", "not_allowed"),
        ("INTERNAL_ERROR", "unavailable"),
    ],
)
def test_a_cancellation_complains_in_a_list_of_its_own(code: str, kind: str) -> None:
    error = {"field": ["orderId"], "message": "No", "code": code}

    assert no(complained("orderCancel", error, member="orderCancelUserErrors")).kind == kind


def test_the_most_severe_error_decides_and_all_are_reported() -> None:
    failure = no(
        complained(
            "customerCreate",
            {"field": ["phone"], "message": "Phone is invalid"},
            {"field": ["email"], "message": "Email has already been taken"},
        )
    )

    assert (failure.kind, failure.detail) == ("duplicate", "Phone is invalid; Email has already been taken")


def test_no_record_is_not_found_and_no_match_is_a_success() -> None:
    assert no({"data": {"customer": None}}).kind == "not_found"
    assert no({"data": {"order": None}}).detail == "no such order"
    assert refusal(reply({"data": {"customerByIdentifier": None}})) is None
    assert refusal(reply({"data": {"orderByIdentifier": None}})) is None


def test_a_part_that_may_not_be_shown_leaves_the_record_readable() -> None:
    denied = top("ACCESS_DENIED", "not approved", ["order", "customer"])

    assert refusal(reply({"data": {"order": {"id": "x", "customer": None}}, "errors": [denied]})) is None
    data = {"orderCreate": {"order": {"id": "x", "customer": None}, "userErrors": []}}
    denied = top("ACCESS_DENIED", "not approved", ["orderCreate", "order", "customer"])
    assert refusal(reply({"data": data, "errors": [denied]})) is None


def test_a_mutation_with_a_hidden_result_may_have_succeeded() -> None:
    denied = top("ACCESS_DENIED", "not approved", ["orderCreate", "order"])

    assert no({"data": {"orderCreate": {"order": None, "userErrors": []}}, "errors": [denied]}).kind == "unavailable"
    refused = top("ACCESS_DENIED", "no scope", ["orderCreate"])
    assert no({"data": {"orderCreate": None}, "errors": [refused]}).kind == "not_allowed"


def test_a_success_is_no_refusal() -> None:
    body = {"data": {"customerCreate": {"customer": {"id": "x"}, "userErrors": []}}, "extensions": {"cost": COST}}

    assert refusal(reply(body)) is None
    assert budget(reply(body)) is not None


def test_an_answer_that_is_no_graphql_is_unavailable() -> None:
    assert no(b"<html>maintenance</html>").kind == "unavailable"
    assert no({"ok": True}).kind == "unavailable"
    assert no(b"").kind == "unavailable"


def test_the_budget_is_what_the_answer_says() -> None:
    left = required(budget(reply({"data": {}, "extensions": {"cost": COST}})))

    assert (left.remaining, left.restore_per_second) == (220.0, 100.0)
    assert budget(reply({"data": {}})) is None
    assert budget(reply(b'"throttleStatus"')) is None


@pytest.mark.parametrize("depth", [300, 600, 900])
@pytest.mark.parametrize("status", [200, 422])
def test_a_deeply_nested_message_is_reported(depth: int, status: int) -> None:
    nested = b"[" * depth + b'"no"' + b"]" * depth
    assert no(b'{"errors":[{"message":' + nested + b"}]}", status).detail
    assert no(b'{"errors":{"base":' + nested + b"}}", status).detail


def test_recorded_refusals_are_understood(shared: Path) -> None:
    folder = shared / "vendor-samples/shopify/graphql"

    missing = no((folder / "user-errors-not-found.json").read_bytes())
    assert (missing.kind, missing.detail) == ("not_found", "Order does not exist")
    denied = no((folder / "access-denied-error-2026.json").read_bytes())
    assert (denied.kind, denied.code) == ("unavailable", "ACCESS_DENIED")
    assert refusal(reply((folder / "order-cancel-ok-2025-10.json").read_bytes())) is None
    left = required(budget(reply((folder / "company-list-2025-01.json").read_bytes())))
    assert (left.remaining, left.restore_per_second) == (3989.0, 200.0)
