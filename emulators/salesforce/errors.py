"""Salesforce's errors: an array of complaints, each with a message, a code and sometimes fields."""

from typing import Any

from emulators.http import Answer, json_answer


class Refusal(Exception):
    """Stop a handler and answer with this."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None, **more: Any) -> None:
        """Refuse with one complaint. It has `fields` if its code is about fields."""
        super().__init__(code)
        self.status = status
        self.complaint: dict[str, Any] = {**more, "message": message, "errorCode": code}
        if fields is not None:
            self.complaint["fields"] = fields

    @property
    def answer(self) -> Answer:
        """Return the whole answer."""
        return json_answer(self.status, [self.complaint])

    @property
    def result(self) -> dict[str, Any]:
        """Return the refusal as the result of one record in a collection, where the code has another name."""
        details = {name: value for name, value in self.complaint.items() if name != "errorCode"}
        error = {"statusCode": self.complaint["errorCode"], "fields": []} | details
        return {"success": False, "errors": [error]}


def unauthorised() -> Refusal:
    """401: no token, or an expired one."""
    return Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def over_the_limit() -> Refusal:
    """403: the requests of 24 hours are used up."""
    return Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def not_found(message: str = "The requested resource does not exist") -> Refusal:
    """404: no such path or record."""
    return Refusal(404, "NOT_FOUND", message)


def deleted() -> Refusal:
    """404: the record is in the recycle bin."""
    return Refusal(404, "ENTITY_IS_DELETED", "entity is deleted")


def no_column(name: str, sobject: str) -> Refusal:
    """400: the sObject does not have the field, or the user does not see it."""
    return Refusal(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}")


def malformed_query(message: str) -> Refusal:
    """400: invalid SOQL."""
    return Refusal(400, "MALFORMED_QUERY", message)


def unreadable() -> Refusal:
    """400: the body is not JSON, or not an object."""
    return Refusal(400, "JSON_PARSER_ERROR", "Unexpected character ('<' (code 60)): expected a valid value at [line:1]")


def failure(status: int) -> Answer:
    """Return the body of a status, for faults."""
    known = {
        400: Refusal(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records"),
        401: unauthorised(),
        403: over_the_limit(),
        404: not_found(),
        429: Refusal(429, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        503: Refusal(503, "SERVER_UNAVAILABLE", "The server is unavailable at the moment"),
    }
    if status in known:
        return known[status].answer
    code = "UNKNOWN_EXCEPTION" if status >= 500 else "INVALID_REQUEST"
    return Refusal(status, code, "An unexpected error occurred. Please include this ErrorId: 1170-1 (0)").answer
