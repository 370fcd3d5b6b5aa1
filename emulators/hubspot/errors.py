"""HubSpot's errors.

Bodies follow recorded answers: `status`, `message`, `correlationId`, then `errors`, `context`, `category` and
`subCategory` as far as they apply. The documentation calls every member optional, and some recorded errors lack a
category.
"""

import json
from typing import Any

import msgspec

from emulators.http import Answer, json_answer

PORTAL_ID = 24861357

CORRELATION_HEADER = "x-hubspot-correlation-id"

NO_CREDENTIALS = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
    "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)


class Refusal(Exception):
    """An error answer. Raise it before anything is written, because the call's transaction is committed anyway."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        category: str | None = "VALIDATION_ERROR",
        errors: list[dict[str, Any]] | None = None,
        context: dict[str, list[str]] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.errors = errors
        self.context = context
        self.more = more or {}

    def answer(self, correlation_id: str) -> Answer:
        """Return the refusal as an answer."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        body |= {
            key: value
            for key, value in (
                ("errors", self.errors),
                ("context", self.context),
                ("category", self.category),
            )
            if value is not None
        }
        return json_answer(self.status, body | self.more, {CORRELATION_HEADER: correlation_id})

    def entry(self, trace_id: str | None) -> dict[str, Any]:
        """Return the refusal as one entry of a batch's `errors` (the specification's StandardError)."""
        context = dict(self.context or {})
        if trace_id is not None:
            context["objectWriteTraceId"] = [trace_id]
        return {
            "status": "error",
            "category": self.category or "VALIDATION_ERROR",
            "message": self.message,
            "context": context,
            "errors": self.errors or [],
            "links": {},
        }


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One bad property value. `code` is HubSpot's, such as INVALID_OPTION."""

    name: str
    value: str
    code: str
    message: str


def values_not_valid(issues: list[Issue]) -> Refusal:
    """Return the error for all bad values: as JSON text in the message, which most clients parse, and as `errors`."""
    listed = [
        {
            "isValid": False,
            "message": issue.message,
            "error": issue.code,
            "name": issue.name,
            "localizedErrorMessage": issue.message,
            "propertyValue": issue.value,
            "portalId": PORTAL_ID,
        }
        for issue in issues
    ]
    return Refusal(
        400,
        "Property values were not valid: " + json.dumps(listed, separators=(",", ":"), ensure_ascii=False),
        errors=[
            {"message": issue.message, "code": issue.code, "context": {"propertyName": [issue.name]}}
            for issue in issues
        ],
    )


def not_set(label: str, names: list[str]) -> Refusal:
    """Return the error for a new record without required properties."""
    return Refusal(
        400,
        f"Error creating {label}. Some required properties were not set.",
        errors=[
            {
                "message": f"{name} is required",
                "code": "REQUIRED_FIELD",
                "context": {"propertyName": [name]},
            }
            for name in names
        ],
        context={"properties": names},
    )


def nothing_to_update() -> Refusal:
    """Return the error for a change without any property."""
    message = "No properties found to update, please provide at least one."
    return Refusal(400, message, context={"properties": ["{}"]})


def contact_exists(id: str) -> Refusal:
    """Return the error for an address of another contact. Only the text contains the id: clients cut it out."""
    return Refusal(409, f"Contact already exists. Existing ID: {id}", category="CONFLICT")


def value_taken(type_id: str, name: str, value: str, id: str, holder: str) -> Refusal:
    """Return the error for a unique value of another record. HubSpot answers 400 here, not 409."""
    return Refusal(
        400,
        f"Cannot set PropertyValueCoordinates{{portalId={PORTAL_ID}, objectTypeId={type_id}, "
        f"propertyName={name}, value={value}}} on {id}. {holder} already has that value.",
    )


def no_such_record(id: str, *, by_id: bool = True) -> Refusal:
    """Return the error for a path without a record. Text in place of an id gets another message."""
    if id.isdecimal() or not by_id:
        return Refusal(404, "resource not found", category="OBJECT_NOT_FOUND")
    return Refusal(
        404,
        "Object not found.  objectId are usually numeric.",
        category="OBJECT_NOT_FOUND",
        context={"id": [id]},
    )


def over_the_limit(policy: str) -> Refusal:
    """429. `policy` is SECONDLY for the search, TEN_SECONDLY_ROLLING for the rest."""
    return Refusal(
        429,
        f"You have reached your {policy.lower()} limit.",
        category="RATE_LIMITS",
        more={"errorType": "RATE_LIMIT", "policyName": policy},
    )


def failure(status: int) -> Refusal:
    """Return HubSpot's error for a status, without details."""
    if status == 429:
        return over_the_limit("TEN_SECONDLY_ROLLING")
    message, category = {
        400: ("Invalid input JSON", "VALIDATION_ERROR"),
        401: (NO_CREDENTIALS, "INVALID_AUTHENTICATION"),
        403: ("This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES"),
        404: ("resource not found", "OBJECT_NOT_FOUND"),
        409: ("Conflict", "CONFLICT"),
        423: ("The resource is locked", "LOCKED"),
    }.get(status, ("internal error", None) if status >= 500 else ("There was a problem with the request.", None))
    return Refusal(status, message, category=category)
