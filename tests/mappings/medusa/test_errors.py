"""Each error has its kind; junk never breaks it."""

import pytest

from mappings.medusa.errors import refusal
from tests.mappings.drafts import reply
from tests.required import required

PAGE = b'<!DOCTYPE html>\n<html lang="en"><body><pre>Cannot GET /admin/nope</pre></body></html>'
CASES = [
    (400, {"type": "invalid_data", "message": "Invalid request: Field 'region_id' is required"}, "rejected"),
    (
        400,
        {"type": "invalid_data", "message": "Customer with email: a@b.example, has_account: false, already exists."},
        "duplicate",
    ),
    (400, {"type": "not_allowed", "message": "Cannot cancel a completed order."}, "rejected"),
    (400, {"type": "invalid_data", "message": "Order order_1 is not a draft order"}, "rejected"),
    (401, {"message": "Unauthorized"}, "auth"),
    (403, {"type": "forbidden", "message": "m"}, "not_allowed"),
    (404, {"type": "not_found", "message": "Order id not found: order_1"}, "not_found"),
    (409, {"code": "invalid_state_error", "type": "conflict", "message": "m"}, "unavailable"),
    (422, {"code": "invalid_request_error", "type": "duplicate_error", "message": "m"}, "duplicate"),
    (422, {"type": "payment_authorization_error", "message": "m"}, "rejected"),
    (429, {"message": "slow down"}, "throttled"),
    (500, {"code": "unknown_error", "type": "unknown_error", "message": "An unknown error occurred."}, "unavailable"),
    (404, PAGE, "not_allowed"),
    (502, PAGE, "unavailable"),
    (200, PAGE, "unavailable"),
    (200, b"", "unavailable"),
]


@pytest.mark.parametrize(("status", "sent", "kind"), CASES)
def test_each_error_has_its_kind(status: int, sent: object, kind: str) -> None:
    failure = required(refusal(reply(sent, status)))
    assert failure.kind == kind
    assert failure.detail


def test_a_refusal_keeps_medusa_s_words_and_the_fields_that_it_names() -> None:
    failure = required(
        refusal(reply({"type": "invalid_data", "message": "Expected type: 'string' for field 'email', got: '5'"}, 400))
    )
    assert (failure.code, failure.fields[0][0]) == ("invalid_data", "email")
    failure = required(
        refusal(reply({"type": "invalid_data", "message": "Invalid request: Unrecognized fields: 'a', 'b'"}, 400))
    )
    assert [name for name, _ in failure.fields] == ["a", "b"]
