"""Every refusal of Salesforce is recognised, and no answer raises."""

import json
from typing import Any

import pytest

from mappings.http import VendorReply
from mappings.salesforce.errors import budget, refusal
from tests.mappings.drafts import reply
from tests.required import required

HOLDER = "003dM00001aBcDeQAK"


def error(status: int, code: str, message: str = "no", **more: Any) -> VendorReply:
    """An error answer in Salesforce's shape."""
    body = [{"message": message, "errorCode": code, **more}]
    return reply(json.dumps(body).encode(), status, {"x-sfdc-request-id": "aeb5f871"})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "rejected"),
        (400, "REQUIRED_FIELD_MISSING", "rejected"),
        (400, "INVALID_FIELD", "rejected"),
        (400, "MALFORMED_QUERY", "rejected"),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "rejected"),
        (400, "UNABLE_TO_LOCK_ROW", "unavailable"),
        (400, "DUPLICATE_VALUE", "duplicate"),
        (400, "DUPLICATES_DETECTED", "duplicate"),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "not_allowed"),
        (401, "INVALID_SESSION_ID", "auth"),
        (403, "REQUEST_LIMIT_EXCEEDED", "throttled"),
        (403, "API_DISABLED_FOR_ORG", "not_allowed"),
        (403, "WHATEVER", "not_allowed"),
        (404, "NOT_FOUND", "not_found"),
        (404, "ENTITY_IS_DELETED", "not_found"),
        (412, "WHATEVER", "version_conflict"),
        (500, "UNKNOWN_EXCEPTION", "unavailable"),
        (503, "SERVER_UNAVAILABLE", "unavailable"),
    ],
)
def test_a_code_has_a_kind(status: int, code: str, kind: str) -> None:
    failure = required(refusal(error(status, code, fields=["LastName"])))

    assert (failure.kind, failure.code, failure.detail, failure.request_id) == (kind, code, "no", "aeb5f871")
    assert failure.fields == (("LastName", "no"),)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [("TotalRequests Limit exceeded.", 600.0), ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 5.0)],
)
def test_a_days_limit_asks_for_more_patience_than_a_moments(message: str, seconds: float) -> None:
    failure = required(refusal(error(403, "REQUEST_LIMIT_EXCEEDED", message)))

    assert failure.retry_after == seconds


@pytest.mark.parametrize("member", ["duplicateResut", "duplicateResult"])
def test_a_duplicate_rule_names_who_is_there(member: str) -> None:
    result = {"allowSave": True, "matchResults": [{"matchRecords": [{"record": {"Id": HOLDER}}]}]}
    failure = required(refusal(error(400, "DUPLICATES_DETECTED", "Use one of these records?", **{member: result})))

    assert failure.existing_remote_id == HOLDER


def test_a_taken_value_names_who_has_it_by_the_long_id() -> None:
    message = f"duplicate value found: Lockstitch_Key__c duplicates value on record with id: {HOLDER[:15]}"
    failure = required(refusal(error(400, "DUPLICATE_VALUE", message)))

    assert failure.existing_remote_id == HOLDER


def test_a_value_of_a_record_that_is_being_created_is_uncommitted() -> None:
    message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    failure = required(refusal(error(400, "DUPLICATE_VALUE", message)))

    assert (failure.kind, failure.uncommitted, failure.existing_remote_id) == ("duplicate", True, None)


def composite(*parts: tuple[int, Any]) -> VendorReply:
    """The answer to a composite request: a 200 in any case."""
    parts_sent = [
        {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": "r"} for status, body in parts
    ]
    return reply(json.dumps({"compositeResponse": parts_sent}, separators=(",", ":")).encode())


def test_the_first_part_that_failed_of_itself_is_the_refusal() -> None:
    halted = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back"}]
    lines = [
        {
            "success": False,
            "errors": [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": "", "fields": []}],
        },
        {"success": False, "errors": [{"statusCode": "INVALID_FIELD", "message": "bad", "fields": ["Quantity"]}]},
    ]
    failure = required(refusal(composite((400, halted), (200, lines), (400, halted))))
    rolled_back = required(refusal(composite((400, halted), (400, halted))))
    done = refusal(composite((200, {"id": "801"}), (201, [{"success": True, "errors": []}]), (204, None)))

    assert (failure.kind, failure.code, failure.fields) == ("rejected", "INVALID_FIELD", (("Quantity", "bad"),))
    assert rolled_back.code == "PROCESSING_HALTED"
    assert done is None


def test_a_row_that_was_locked_undid_the_whole_request() -> None:
    """All or none: a refusal at 200 was rolled back, and may be sent again at once."""
    halted = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back"}]
    locked = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]
    failure = required(refusal(composite((400, locked), (400, halted))))
    broken = required(refusal(composite((500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "?"}]), (400, halted))))

    assert (failure.kind, failure.undone) == ("unavailable", True)
    assert (broken.kind, broken.undone) == ("unavailable", False)


def test_a_write_that_failed_with_a_200_is_a_refusal() -> None:
    body = {"id": None, "success": False, "errors": [{"statusCode": "STRING_TOO_LONG", "message": "x", "fields": []}]}
    failure = required(refusal(reply(json.dumps(body, separators=(",", ":")).encode())))

    assert (failure.kind, failure.code) == ("rejected", "STRING_TOO_LONG")


def test_several_records_for_one_key_are_a_conflict() -> None:
    failure = required(refusal(reply(b'["/services/data/v62.0/sobjects/Contact/003dM00001aBcDeQAK"]', 300)))

    assert failure.category == "conflict"


def test_the_oauth_endpoints_words_are_understood() -> None:
    failure = required(
        refusal(reply(b'{"error":"invalid_grant","error_description":"expired access/refresh token"}', 400))
    )

    assert (failure.kind, failure.detail) == ("auth", "expired access/refresh token")


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("api-usage=891/15000", 14109.0),
        ("api-usage=18/5000; per-app-api-usage=240/250(appName=lockstitch)", 10.0),
        ("api-usage=16000/15000", 0.0),
        ("api-usage=x/y", None),
        ("", None),
    ],
)
def test_the_budget_is_what_is_left_of_a_day(header: str, left: float | None) -> None:
    left_of_day = budget(reply(b"", 200, {"sforce-limit-info": header}))

    assert (None if left_of_day is None else left_of_day.remaining) == left
