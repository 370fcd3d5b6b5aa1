"""How Freshdesk says no, and what it says is left."""

import json

import pytest

from mappings.freshdesk import VENDOR
from mappings.http import RefusalKind
from tests.mappings.drafts import reply
from tests.required import required

MISSING = {"field": "subject", "code": "missing_field"}
DUPLICATE = {
    "field": "email",
    "additional_info": {"user_id": 67032906301},
    "message": "It should be a unique value",
    "code": "duplicate_value",
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"description": "Validation failed", "errors": [MISSING]}, "rejected", "missing_field"),
        (401, {"code": "invalid_credentials", "message": "You have to be logged in"}, "auth", "invalid_credentials"),
        (403, {"code": "access_denied", "message": "You are not authorized"}, "not_allowed", "access_denied"),
        (403, {"code": "require_feature", "message": "not in this plan"}, "not_allowed", "require_feature"),
        (404, None, "not_found", None),
        (405, {"code": "method_not_allowed", "message": "GET only"}, "rejected", "method_not_allowed"),
        (409, {"description": "Validation failed", "errors": [DUPLICATE]}, "duplicate", "duplicate_value"),
        (409, {"code": "inconsistent_state", "message": "conflict"}, "version_conflict", "inconsistent_state"),
        (415, {"code": "invalid_content_type", "message": "JSON only"}, "rejected", "invalid_content_type"),
        (429, {"message": "You have exceeded the limit of requests per hour"}, "throttled", None),
        (500, {"code": "internal_error", "message": "sorry"}, "unavailable", "internal_error"),
        (503, None, "unavailable", None),
        (301, None, "rejected", None),
    ],
)  # fmt: skip
def test_each_refusal_has_its_kind(status: int, body: object, kind: RefusalKind, code: str | None) -> None:
    refusal = required(VENDOR.refusal(reply(b"" if body is None else json.dumps(body).encode(), status)))

    assert (refusal.kind, refusal.code) == (kind, code)
    assert refusal.detail


def test_a_value_that_is_taken_names_the_contact_that_has_it() -> None:
    body = json.dumps({"description": "Validation failed", "errors": [DUPLICATE]}).encode()

    refusal = required(VENDOR.refusal(reply(body, 409, {"x-request-id": "6f1c"})))

    assert refusal.existing_remote_id == "67032906301"
    assert refusal.fields == (("email", "It should be a unique value"),)
    assert refusal.request_id == "6f1c"
    assert refusal.detail == "Validation failed (email: It should be a unique value)"


@pytest.mark.parametrize("more", [None, {}, [], "67", {"user_id": "67"}, {"user_id": None}, {"user_id": -1}])
def test_a_taken_value_of_an_unknown_owner_is_a_duplicate(more: object) -> None:
    body = json.dumps({"errors": [DUPLICATE | {"additional_info": more}]}).encode()

    refusal = required(VENDOR.refusal(reply(body, 409)))

    assert (refusal.kind, refusal.existing_remote_id) == ("duplicate", None)


def test_another_address_is_said_to_be_one() -> None:
    refusal = required(VENDOR.refusal(reply(b"", 302)))

    assert "base URL" in refusal.detail


def test_what_is_left_is_read_from_every_answer() -> None:
    budget = required(VENDOR.budget(reply(b"[]", headers={"x-ratelimit-total": "200", "x-ratelimit-remaining": "17"})))

    assert (budget.remaining, budget.reset_after) == (17.0, None)
    assert VENDOR.budget(reply(b"[]")) is None
    assert VENDOR.budget(reply(b"[]", headers={"x-ratelimit-remaining": "many"})) is None
