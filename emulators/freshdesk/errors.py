"""Freshdesk's errors: a list of complaints for broken rules, a code and a message for everything else."""

from typing import Any

from emulators.http import Answer, json_answer
from emulators.routes import Refusal

UNIQUE = "It should be a unique value"


def complaint(field: str, message: str, code: str) -> dict[str, Any]:
    """Return one complaint about one field."""
    return {"field": field, "message": message, "code": code}


def invalid(complaints: list[dict[str, Any]], status: int = 400) -> Refusal:
    """400 for a record that breaks rules, 409 for one that conflicts with another."""
    return Refusal(json_answer(status, {"description": "Validation failed", "errors": complaints}))


def duplicate(field: str, user_id: int | None = None) -> Refusal:
    """409: the value is taken. For contacts the answer names the owner."""
    entry = complaint(field, UNIQUE, "duplicate_value")
    if user_id is not None:
        entry = {"field": field, "additional_info": {"user_id": user_id}, **entry}
    return invalid([entry], 409)


def not_found() -> Refusal:
    """404, which has no body."""
    return Refusal(Answer(status=404))


def not_allowed(method: str) -> Refusal:
    """405: a deleted record can only be read and restored."""
    text = f"{method} method is not allowed. It should be one of these method(s): GET"
    return Refusal(json_answer(405, {"code": "method_not_allowed", "message": text}))


def unauthenticated() -> Answer:
    """401: no key, or a wrong one."""
    text = "You have to be logged in to perform this action."
    return json_answer(401, {"code": "invalid_credentials", "message": text})


def too_many() -> Answer:
    """429. The caller adds Retry-After."""
    return json_answer(429, {"message": "You have exceeded the limit of requests per minute"})


def unreadable() -> Answer:
    """400: the body is not JSON."""
    text = "Request body has invalid json format"
    return json_answer(400, {"code": "invalid_json", "message": text})


def failure(status: int) -> Answer:
    """Return the body of a status, for faults."""
    known = {401: unauthenticated, 404: lambda: Answer(status=404), 429: too_many}
    if status in known:
        return known[status]()
    if status == 403:
        text = "You are not authorized to perform this action."
        return json_answer(403, {"code": "access_denied", "message": text})
    if status == 409:
        text = "The resource is in an inconsistent or conflicting state."
        return json_answer(409, {"code": "inconsistent_state", "message": text})
    if status in (400, 422):
        return json_answer(
            status,
            {"description": "Validation failed", "errors": [complaint("subject", "It is not valid", "invalid_value")]},
        )
    if status >= 500:
        text = "We're sorry, but something went wrong."
        return json_answer(status, {"code": "internal_error", "message": text})
    return json_answer(status, {"code": "invalid_request", "message": "The request could not be processed."})
