"""Each documented error has its kind; junk never breaks it."""

from typing import Any

import msgspec
import pytest

from mappings.stripe.errors import refusal
from tests.mappings.drafts import reply
from tests.required import required


def body(**error: Any) -> bytes:
    """A refusal as Stripe words it."""
    return msgspec.json.encode({"error": error})


CASES = [
    (400, body(type="invalid_request_error", code="parameter_unknown", param="foo", message="m"), "rejected"),
    (400, body(type="invalid_request_error", code="resource_missing", param="customer", message="m"), "rejected"),
    (400, body(type="idempotency_error", message="m"), "duplicate"),
    (400, body(type="invalid_request_error", code="resource_already_exists", message="m"), "duplicate"),
    (401, body(type="invalid_request_error", message="Invalid API Key provided"), "auth"),
    (401, body(type="invalid_request_error", code="api_key_expired", message="m"), "auth"),
    (402, body(type="card_error", code="card_declined", decline_code="do_not_honor", message="m"), "rejected"),
    (403, body(type="invalid_request_error", message="m"), "not_allowed"),
    (404, body(type="invalid_request_error", code="resource_missing", param="id", message="m"), "not_found"),
    (409, body(type="idempotency_error", code="idempotency_key_in_use", message="m"), "unavailable"),
    (409, body(type="idempotency_error", message="m"), "unavailable"),
    (409, body(type="invalid_request_error", message="m"), "version_conflict"),
    (424, body(type="invalid_request_error", message="m"), "rejected"),
    (429, body(type="invalid_request_error", code="rate_limit", message="m"), "throttled"),
    # Another request holds the record: no reason to stop the connection.
    (429, body(type="invalid_request_error", code="lock_timeout", message="m"), "unavailable"),
    (429, b"", "throttled"),
    (500, body(type="api_error", message="m"), "unavailable"),
    (502, b"<html>Bad gateway</html>", "unavailable"),
    (503, b"", "unavailable"),
    (404, b'{"error":"invalid_client","error_description":"no such application"}', "not_found"),
]


@pytest.mark.parametrize(("status", "sent", "kind"), CASES)
def test_each_error_has_its_kind(status: int, sent: bytes, kind: str) -> None:
    failure = required(refusal(reply(sent, status)))
    assert failure.kind == kind
    assert failure.detail


def test_a_declined_card_has_the_reason_and_request_id() -> None:
    sent = body(type="card_error", code="card_declined", decline_code="expired_card", param="source", message="Expired")
    failure = required(refusal(reply(sent, 402, {"request-id": "req_1", "retry-after": "3"})))
    assert (failure.code, failure.detail, failure.request_id, failure.retry_after) == (
        "expired_card",
        "Expired",
        "req_1",
        3.0,
    )
    assert failure.fields == (("source", "Expired"),)


def test_an_error_repeated_under_its_key_is_final() -> None:
    """Stripe repeats the answer for a day, so the record has to be searched for."""
    failure = required(refusal(reply(body(type="api_error", message="m"), 500, {"idempotent-replayed": "true"})))
    assert (failure.kind, failure.conclusive) == ("rejected", False)


def test_stripe_says_whether_a_retry_helps() -> None:
    says = {word: {"idempotent-replayed": "true", "stripe-should-retry": word} for word in ("true", "false")}
    again = required(refusal(reply(body(type="api_error", message="m"), 500, says["true"])))
    assert (again.kind, again.retry, again.conclusive) == ("unavailable", True, False)
    never = required(refusal(reply(body(type="api_error", message="m"), 503, {"stripe-should-retry": "false"})))
    assert (never.kind, never.retry) == ("unavailable", False)
    silent = required(refusal(reply(body(type="api_error", message="m"), 503)))
    assert silent.retry is None


def test_a_reused_key_says_nothing_about_the_first_request() -> None:
    failure = required(refusal(reply(body(type="idempotency_error", message="m"), 400)))
    assert (failure.kind, failure.conclusive) == ("duplicate", False)
    duplicate = required(
        refusal(reply(body(type="invalid_request_error", message="m"), 400, {"idempotent-replayed": "true"}))
    )
    assert duplicate.conclusive


def test_a_success_is_no_refusal() -> None:
    assert refusal(reply(b'{"id":"cus_1","object":"customer"}')) is None
    assert refusal(reply(b'{"error":{"type":"api_error"}}', 200)) is None
