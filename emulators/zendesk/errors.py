"""Zendesk's errors. Bodies are recorded from the vendor if a recording exists, else as in its documentation."""

from typing import Any

from emulators.http import Answer, json_answer
from emulators.routes import Refusal


def error_answer(status: int, error: str, description: str) -> Answer:
    """Return the vendor's plain error as an answer."""
    return json_answer(status, {"error": error, "description": description})


def unauthenticated() -> Answer:
    """401: no credential, or a wrong one."""
    return json_answer(401, {"error": "Couldn't authenticate you"})


def not_found() -> Refusal:
    """404: a missing or deleted record."""
    return Refusal(error_answer(404, "RecordNotFound", "Not found"))


def no_endpoint() -> Answer:
    """404: no such path."""
    return error_answer(404, "InvalidEndpoint", "Not found")


def unreadable() -> Answer:
    """422: the body is not JSON."""
    return json_answer(422, {"error": "Unprocessable Entity", "message": "Server could not parse JSON"})


def bad_attribute(name: str, wanted: str) -> Refusal:
    """400: an attribute of the wrong type."""
    message = f"You passed an invalid value for the {name} attribute. Invalid parameter: {name} must be {wanted}"
    return Refusal(json_answer(400, {"error": {"title": "Invalid attribute", "message": message}}))


def bad_request(error: str, description: str) -> Refusal:
    """400, in the vendor's plain form."""
    return Refusal(error_answer(400, error, description))


def invalid(field: str, description: str, error: str | None = None) -> Refusal:
    """422: a record that breaks a rule. `field` is `base` for the record as a whole."""
    detail: dict[str, Any] = {"description": description}
    if error is not None:
        detail["error"] = error
    return Refusal(_record_invalid({field: [detail]}))


def too_recent() -> Refusal:
    """422: an export that begins less than a minute ago."""
    return Refusal(error_answer(422, "InvalidValue", "Too recent start_time. Use a start_time older than 1 minute"))


def outdated() -> Refusal:
    """409: a safe update of a ticket that changed in the meantime."""
    return Refusal(_outdated())


def too_many() -> Answer:
    """429. The caller adds Retry-After."""
    return error_answer(429, "APIRateLimitExceeded", "Number of allowed API requests per minute exceeded")


def other_parameters() -> Refusal:
    """400: an idempotency key that was used for another request."""
    return bad_request("IdempotentRequestError", "Request parameters don't match the given idempotency key")


def failure(status: int) -> Answer:
    """Return the body of a status, for faults."""
    known = {401: unauthenticated, 404: no_endpoint, 409: _outdated, 429: too_many}
    if status in known:
        return known[status]()
    if status == 403:
        return error_answer(403, "Forbidden", "You do not have access to this page.")
    if status == 422:
        return _record_invalid({"base": [{"description": "The record is not valid"}]})
    if status == 503:
        return error_answer(503, "ServiceUnavailable", "The service is down for maintenance")
    if status >= 500:
        return error_answer(status, "InternalError", "Something went wrong")
    return error_answer(status, "BadRequest", "The request could not be processed")


def _outdated() -> Answer:
    text = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data"
    return error_answer(409, "UpdateConflict", f"{text} and try again.")


def _record_invalid(details: dict[str, list[dict[str, Any]]]) -> Answer:
    return json_answer(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})
