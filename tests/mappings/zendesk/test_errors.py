"""Zendesk's refusals are recognised by status, code and message; any other bytes do not raise."""

import pytest

from mappings.zendesk import VENDOR
from tests.mappings.drafts import reply
from tests.required import required

TAKEN = (
    b'{"error":"RecordInvalid","description":"Record validation errors","details":{"email":[{"description":'
    b'"Email: livia@faden.example is already being used by another user","error":"DuplicateValue"}]}}'
)
BLANK = (
    b'{"error":"RecordInvalid","description":"Record validation errors","details":{"base":[{"description":'
    b'"Description: cannot be blank","error":"BlankValue"}],"priority":[{"description":"Priority: is invalid"}]}}'
)
HTML = b"<!DOCTYPE html><html><head><title>503</title></head><body>We will be back</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "detail"),
    [
        (401, b'{"error":"Couldn\'t authenticate you"}', "auth", "Couldn't authenticate you", "authenticate"),
        (
            403,
            b'{"error":{"title":"Forbidden","message":"You do not have access"}}',
            "not_allowed",
            "Forbidden",
            "access",
        ),
        (404, b'{"error":"RecordNotFound","description":"Not found"}', "not_found", "RecordNotFound", "Not found"),
        (404, b'{"error":"InvalidEndpoint","description":"Not found"}', "rejected", "InvalidEndpoint", "Not found"),
        (404, HTML, "not_found", None, "no such record"),
        (409, b'{"error":"UpdateConflict","description":"Safe Update"}', "version_conflict", "UpdateConflict", "Safe"),
        (409, b'{"error":"DatabaseConflict","description":"Collision"}', "unavailable", "DatabaseConflict", "Coll"),
        (400, b'{"error":"IdempotentRequestError","description":"x"}', "duplicate", "IdempotentRequestError", "x"),
        (422, TAKEN, "duplicate", "RecordInvalid", "validation"),
        (422, BLANK, "rejected", "RecordInvalid", "validation"),
        (422, b'{"error":"Unprocessable Entity","message":"bad JSON"}', "rejected", "Unprocessable Entity", "bad JSON"),
        (422, b'{"error":"RecordInvalid","description":"odd","details":[1]}', "rejected", "RecordInvalid", "odd"),
        (429, b'{"error":"APIRateLimitExceeded","description":"slow"}', "throttled", "APIRateLimitExceeded", "slow"),
        (500, b"", "unavailable", None, "not available"),
        (503, HTML, "unavailable", None, "not available"),
        (302, b"", "rejected", None, "base URL"),
        (200, b'{"error":"InvalidValue","description":"x"}', "rejected", "InvalidValue", "x"),
    ],
)
def test_a_refusal_is_understood(status: int, body: bytes, kind: str, code: str | None, detail: str) -> None:
    refusal = required(VENDOR.refusal(reply(body, status, {"x-request-id": "req-1"})))

    assert (refusal.kind, refusal.code, refusal.request_id) == (kind, code, "req-1")
    assert detail in refusal.detail


def test_errors_are_reported_by_field() -> None:
    refusal = required(VENDOR.refusal(reply(BLANK, 422)))

    assert refusal.fields == (
        ("base", "Description: cannot be blank"),
        ("priority", "Priority: is invalid"),
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "93"}, 93.0),
        ({"ratelimit-reset": "12"}, 12.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1", "ratelimit-reset": "7"}, 7.0),
        ({}, None),
    ],
)
def test_a_throttle_says_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    refusal = required(VENDOR.refusal(reply(b"{}", 429, headers)))

    assert (refusal.category, refusal.retry_after) == ("throttle", seconds)


def test_what_is_left_is_read_from_either_family_of_headers() -> None:
    for headers in ({"ratelimit-remaining": "398", "ratelimit-reset": "41"}, {"x-rate-limit-remaining": "398"}):
        left = required(VENDOR.budget(reply(b"{}", headers=headers)))
        assert left.remaining == 398
        assert left.reset_after == (41 if "ratelimit-reset" in headers else None)
    assert VENDOR.budget(reply(b"{}")) is None
    assert VENDOR.budget(reply(b"{}", headers={"ratelimit-remaining": "many"})) is None
