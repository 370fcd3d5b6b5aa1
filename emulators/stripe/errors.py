"""Stripe's errors: one object with type, code, parameter and message."""

from typing import Any

from emulators.http import Answer, json_answer

TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 404: "invalid_request_error"}
SAYS = {
    400: "The request was unacceptable.",
    401: "Invalid API Key provided: sk_test_********",
    402: "Your card was declined.",
    403: "The provided key does not have the required permissions for this endpoint.",
    404: "Unrecognized request URL.",
    409: "There is currently another in-progress request using this Stripe resource.",
    429: "Too many requests. Try again in a moment.",
}
DOCS = "https://stripe.com/docs/error-codes"


class Refusal(Exception):
    """A refused call. `kept`: the endpoint had begun, so the idempotency key remembers the answer."""

    def __init__(self, answer: Answer, *, kept: bool = False) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.kept = kept


def failure(status: int) -> Answer:
    """Return Stripe's error for the status of a fault."""
    code = {402: "card_declined", 409: "lock_timeout", 429: "rate_limit"}.get(status)
    kind = "api_error" if status >= 500 else TYPES.get(status, "invalid_request_error")
    message = SAYS.get(status, "Sorry! There was an error while talking to one of our backends.")
    return _answer(status, kind, message, code=code)


def unauthenticated(key: str | None) -> Answer:
    """Refuse a call without a key, or with an unknown one."""
    if key is None:
        message = "You did not provide an API key. You need to provide your API key in the Authorization header."
    else:
        message = f"Invalid API Key provided: {key[:8]}{'*' * max(0, len(key) - 8)}"
    return _answer(401, "invalid_request_error", message)


def unrecognised(method: str, path: str) -> Answer:
    """Refuse an unknown URL."""
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs."
    return _answer(404, "invalid_request_error", message)


def too_many() -> Answer:
    """Refuse a call over the rate limit."""
    answer = _answer(429, "invalid_request_error", SAYS[429], code="rate_limit")
    return answer.with_headers({"stripe-rate-limited-reason": "global-rate", "stripe-should-retry": "true"})


def other_parameters(key: str) -> Answer:
    """Refuse an idempotency key that was used with another request."""
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return _answer(400, "idempotency_error", message)


def missing(kind: str, id: str, param: str = "id", status: int = 404) -> Refusal:
    """Refuse a missing record: 404 for one in the URL, 400 for one in a parameter."""
    return Refusal(
        _answer(status, "invalid_request_error", f"No such {kind}: '{id}'", code="resource_missing", param=param)
    )


def unknown_parameter(param: str) -> Refusal:
    """Refuse an unknown parameter of this endpoint."""
    message = f"Received unknown parameter: {param}"
    return Refusal(_answer(400, "invalid_request_error", message, code="parameter_unknown", param=param))


def missing_parameter(param: str) -> Refusal:
    """Refuse a call without a required parameter."""
    message = f"Missing required param: {param}."
    return Refusal(_answer(400, "invalid_request_error", message, code="parameter_missing", param=param))


def invalid(param: str, message: str, code: str | None = None) -> Refusal:
    """Refuse an invalid value."""
    return Refusal(_answer(400, "invalid_request_error", message, code=code, param=param))


def not_now(message: str, code: str | None = None, param: str | None = None) -> Refusal:
    """Refuse a change that the record's state forbids."""
    return Refusal(_answer(400, "invalid_request_error", message, code=code, param=param), kept=True)


def _answer(status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None) -> Answer:
    error: dict[str, Any] = {"message": message, "type": kind}
    if code is not None:
        error |= {"code": code, "doc_url": f"{DOCS}/{code.replace('_', '-')}"}
    if param is not None:
        error["param"] = param
    return json_answer(status, {"error": error})
