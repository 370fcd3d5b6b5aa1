"""Every refusal of HubSpot is recognised, and no answer raises."""

import json
from pathlib import Path

import pytest

from mappings.http import VendorReply
from mappings.hubspot.errors import budget, refusal
from tests.required import required


def error(status: int, message: str = "no", *, headers: dict[str, str] | None = None, **more: object) -> VendorReply:
    """An error answer in HubSpot's shape."""
    body = {"status": "error", "message": message, "correlationId": "aeb5f871", **more}
    return VendorReply(status=status, headers=headers or {}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "rejected"),
        (401, "auth"),
        (403, "not_allowed"),
        (404, "not_found"),
        (409, "duplicate"),
        (412, "version_conflict"),
        (415, "rejected"),
        (423, "unavailable"),
        (429, "throttled"),
        (477, "unavailable"),
        (500, "unavailable"),
        (503, "unavailable"),
        (522, "unavailable"),
    ],
)
def test_a_status_has_a_kind(status: int, kind: str) -> None:
    failure = required(refusal(error(status, category="WHATEVER")))

    assert (failure.kind, failure.code, failure.detail, failure.request_id) == (kind, "WHATEVER", "no", "aeb5f871")


def test_an_address_that_is_taken_names_its_contact() -> None:
    failure = required(refusal(error(409, "Contact already exists. Existing ID: 734931000017", category="CONFLICT")))

    assert (failure.kind, failure.existing_remote_id) == ("duplicate", "734931000017")


@pytest.mark.parametrize(
    ("message", "holder"),
    [
        (
            "Cannot set PropertyValueCoordinates{portalId=1, objectTypeId=0-1, propertyName=lockstitch_operation_id, "
            "value=op_0198} on 72. 51 already has that value.",
            "51",
        ),
        (
            'Property values were not valid: [{"isValid":false,"message":"op_0198 already has that value.",'
            '"error":"CONFLICTING_UNIQUE_VALUE","name":"lockstitch_operation_id"}]',
            None,
        ),
    ],
)
def test_a_unique_value_that_is_taken_is_a_duplicate_at_400(message: str, holder: str | None) -> None:
    failure = required(refusal(error(400, message, category="VALIDATION_ERROR")))

    assert (failure.kind, failure.existing_remote_id) == ("duplicate", holder)


def test_a_property_that_exists_is_a_duplicate() -> None:
    failure = required(refusal(error(409, "A property named 'x' already exists.", category="OBJECT_ALREADY_EXISTS")))

    assert failure.kind == "duplicate"


def test_complaints_about_values_are_read_out_of_the_message() -> None:
    body = (
        'Property values were not valid: [{"isValid":false,"message":"x was not one of the allowed options: [LOW]",'
        '"error":"INVALID_OPTION","name":"hs_ticket_priority","localizedErrorMessage":"…","portalId":1}]'
    )
    failure = required(refusal(error(400, body, category="VALIDATION_ERROR")))

    assert failure.kind == "rejected"
    assert failure.fields == (("hs_ticket_priority", "x was not one of the allowed options: [LOW]"),)


def test_complaints_about_fields_are_read_out_of_the_errors() -> None:
    errors = [
        {"message": "hs_pipeline_stage is required", "context": {"propertyName": ["hs_pipeline_stage"]}},
        {"message": "bad", "in": "limit"},
        {"message": "about nothing in particular"},
    ]
    failure = required(refusal(error(400, errors=errors)))

    assert failure.fields == (("hs_pipeline_stage", "hs_pipeline_stage is required"), ("limit", "bad"))


@pytest.mark.parametrize(
    ("policy", "seconds"), [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0), ("DAILY", 600.0), ("OTHER", None)]
)
def test_a_limit_says_how_long_to_wait(policy: str, seconds: float | None) -> None:
    failure = required(refusal(error(429, errorType="RATE_LIMIT", policyName=policy)))
    by_header = required(refusal(error(429, headers={"retry-after": "7"}, policyName=policy)))
    hidden = required(refusal(error(403, policyName=policy)))

    assert (failure.kind, failure.retry_after) == ("throttled", seconds)
    assert by_header.retry_after == 7.0
    assert hidden.kind == "throttled"


def test_a_lock_asks_for_two_seconds() -> None:
    failure = required(refusal(error(423)))

    assert failure.retry_after == 2.0


def test_a_page_of_html_is_not_quoted() -> None:
    headers = {"content-type": "text/html; charset=utf-8", "x-hubspot-correlation-id": "c-1"}
    failure = required(refusal(VendorReply(status=404, headers=headers, body=b"<html>ann@example.com</html>")))

    assert (failure.kind, failure.request_id) == ("not_found", "c-1")
    assert failure.detail == "no such record"


def test_a_batch_that_misses_records_is_a_success() -> None:
    missing = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects"}
    failed = {"status": "error", "category": "VALIDATION_ERROR", "message": "not an e-mail"}

    def batch(*errors: object) -> VendorReply:
        return VendorReply(status=207, headers={}, body=json.dumps({"results": [], "errors": errors}).encode())

    assert refusal(batch(missing)) is None
    failure = required(refusal(batch(missing, failed)))
    assert (failure.kind, failure.detail) == ("rejected", "not an e-mail")


def test_what_is_left_of_the_window_is_read() -> None:
    headers = {
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
        "x-hubspot-ratelimit-max": "190",
        "x-hubspot-ratelimit-remaining": "42",
    }
    left = required(budget(VendorReply(status=200, headers=headers, body=b"")))

    assert (left.remaining, left.restore_per_second) == (42.0, 19.0)
    assert budget(VendorReply(status=200, headers={}, body=b"")) is None


def test_recorded_errors_are_understood(shared: Path) -> None:
    folder = shared / "vendor-samples" / "hubspot"
    for path in (folder / "error" / "legacy-v1-invalid-email-400.json", folder / "contact" / "spec-example-error.json"):
        failure = required(refusal(VendorReply(status=400, headers={}, body=path.read_bytes())))
        assert failure.kind == "rejected"
        assert failure.request_id
