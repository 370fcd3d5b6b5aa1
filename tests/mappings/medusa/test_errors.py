"""Each error has its kind; junk never breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.http import VendorReply
from mappings.medusa.errors import budget, refusal

from .conftest import reply

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
    found = refusal(reply(sent, status))
    assert found is not None
    assert found.kind == kind
    assert found.detail


def test_a_refusal_keeps_medusa_s_words_and_the_fields_that_it_names() -> None:
    found = refusal(
        reply({"type": "invalid_data", "message": "Expected type: 'string' for field 'email', got: '5'"}, 400)
    )
    assert found is not None
    assert (found.code, found.fields[0][0]) == ("invalid_data", "email")
    found = refusal(reply({"type": "invalid_data", "message": "Invalid request: Unrecognized fields: 'a', 'b'"}, 400))
    assert found is not None
    assert [name for name, _ in found.fields] == ["a", "b"]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("-1", None), ("٣", None)])
def test_a_server_in_front_says_when_to_come_back(header: str, seconds: float | None) -> None:
    found = refusal(reply(b"busy", 429, {"retry-after": header}))
    assert found is not None
    assert (found.kind, found.retry_after) == ("throttled", seconds)


def test_a_success_is_none() -> None:
    assert refusal(reply({"customer": {"id": "cus_1"}})) is None
    assert refusal(reply(b"", 204)) is None


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "message", "code"]), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
    after=st.none() | st.text(max_size=8),
)
def test_junk_never_breaks_it(status: int, body: bytes, after: str | None) -> None:
    sent = VendorReply(status=status, headers={} if after is None else {"retry-after": after}, body=body)
    found = refusal(sent)
    assert found is not None or 200 <= status < 300
    assert budget(sent) is None
