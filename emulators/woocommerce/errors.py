"""WooCommerce's errors: WordPress's body, `{"code", "message", "data": {"status"}}`."""

from typing import Any

from emulators.http import Answer, json_answer
from emulators.routes import Refusal


def error_answer(status: int, code: str, message: str, **data: Any) -> Answer:
    """Return an error as an answer."""
    return json_answer(status, {"code": code, "message": message, "data": {"status": status, **data}})


def refused(status: int, code: str, message: str, **data: Any) -> Refusal:
    """Return an error to raise."""
    return Refusal(error_answer(status, code, message, **data))


def no_route() -> Answer:
    """404: an unknown path or method."""
    return error_answer(404, "rest_no_route", "No route was found matching the URL and request method.")


def unreadable() -> Answer:
    """400: the body is not JSON."""
    return error_answer(400, "rest_invalid_json", "Invalid JSON body passed.", json_error_code=4)


def not_signed_in() -> Answer:
    """401: a call without credentials."""
    return error_answer(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")


def bad_key(what: str) -> Answer:
    """401: an unknown key or secret."""
    return error_answer(401, "woocommerce_rest_authentication_error", f"Consumer {what} is invalid.")


def invalid(parameter: str, complaint: str) -> Refusal:
    """400: a parameter of the wrong shape, type or value."""
    details = {parameter: {"code": "rest_invalid_param", "message": complaint, "data": None}}
    message = f"Invalid parameter(s): {parameter}"
    return refused(400, "rest_invalid_param", message, params={parameter: complaint}, details=details)


def missing(*parameters: str) -> Refusal:
    """400: a missing parameter."""
    message = f"Missing parameter(s): {', '.join(parameters)}"
    return refused(400, "rest_missing_callback_param", message, params=list(parameters))


def failure(status: int) -> Answer:
    """Return the body of a status, for faults. Statuses that the API does not use get the page of a host."""
    known = {401: not_signed_in, 404: no_route}
    if status in known:
        return known[status]()
    if status == 403:
        return error_answer(403, "woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.")
    if status == 500:
        return error_answer(500, "internal_server_error", "<p>There has been a critical error on this website.</p>")
    if status == 429 or status >= 500:
        return _of_the_host(status)
    return error_answer(status, "woocommerce_rest_error", "The request could not be processed.")


def _of_the_host(status: int) -> Answer:
    page = (
        f"<html>\r\n<head><title>{status}</title></head>\r\n<body><center><h1>{status}</h1></center></body>\r\n</html>"
    )
    return Answer(status=status, headers={"content-type": "text/html"}, body=page.encode())
