"""How HubSpot says no, and what it tells of its rate limit.

Documented: developers.hubspot.com, Error handling. All members of an error body are optional there, some answers are
HTML, and the record that holds a unique value is named in the message only.
"""

from typing import Final

import msgspec
from msgspec import Struct, field

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

REQUEST_ID_HEADER: Final = "x-hubspot-correlation-id"
LONGEST_DETAIL: Final = 1000

_KIND_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    409: "duplicate",
    412: "version_conflict",
    423: "unavailable",  # locked by other writes; "at least two seconds" of patience are asked for
    429: "throttled",
    477: "unavailable",  # the account is being moved to another data centre; Retry-After tells how long
}
_PATIENCE: Final[dict[str, float]] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 600.0}
"""Seconds to wait by `policyName`, which comes without Retry-After. The daily limit falls at midnight of the
account's time zone, which is not told: ask again every ten minutes."""
_LOCKED_PATIENCE: Final = 2.0
_TAKEN: Final = " already has that value"
_VALIDATION_PREFIX: Final = "Property values were not valid: "


class ErrorContext(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an error is about."""

    property_name: tuple[str, ...] = ()


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """One of several complaints."""

    message: str = ""
    place: str | None = field(name="in", default=None)
    context: ErrorContext = ErrorContext()


class ErrorBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """An error answer."""

    message: str = ""
    category: str | None = None
    correlation_id: str | None = None
    policy_name: str | None = None
    errors: tuple[ErrorDetail, ...] = ()


class InvalidValue(Struct, frozen=True, kw_only=True):
    """A complaint about one property, which HubSpot sends as JSON text inside the message."""

    name: str
    message: str = ""
    error: str | None = None


class BatchError(Struct, frozen=True, kw_only=True):
    """One record of a batch that was not read."""

    category: str | None = None
    message: str = ""


class BatchErrors(Struct, frozen=True, kw_only=True):
    """The part of a 207 that tells what failed."""

    errors: tuple[BatchError, ...] = ()


_error_body: Final = msgspec.json.Decoder(ErrorBody)
_batch_errors: Final = msgspec.json.Decoder(BatchErrors)
_invalid_values: Final = msgspec.json.Decoder(tuple[InvalidValue, ...])


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The no in a reply, or None for a success. A batch that misses some records (207) is a success; one that HubSpot
    could not understand is none."""
    if reply.status == 207:
        return _partial(reply)
    if 200 <= reply.status < 300:
        return None
    body = _body(reply)
    invalid = _invalid(body.message)
    return VendorRefusal(
        kind=_kind(reply.status, body, invalid),
        code=body.category,
        detail=(body.message or _silence(reply))[:LONGEST_DETAIL],
        request_id=body.correlation_id or reply.headers.get(REQUEST_ID_HEADER),
        retry_after=_retry_after(reply, body),
        fields=tuple((value.name, value.message) for value in invalid) or _fields(body),
        existing_remote_id=_holder(body.message),
    )


def budget(reply: VendorReply) -> Budget | None:
    """What is left of the rolling window (ten seconds). Searches have a limit of their own and no such headers."""
    remaining = _number(reply.headers.get("x-hubspot-ratelimit-remaining"))
    if remaining is None:
        return None
    most = _number(reply.headers.get("x-hubspot-ratelimit-max"))
    window = _number(reply.headers.get("x-hubspot-ratelimit-interval-milliseconds"))
    return Budget(remaining=remaining, restore_per_second=most * 1000 / window if most and window else None)


def _kind(status: int, body: ErrorBody, invalid: tuple[InvalidValue, ...]) -> RefusalKind:
    if body.policy_name is not None or body.category == "RATE_LIMITS":
        return "throttled"
    # A taken value of a unique property is a 400, unlike a taken e-mail address, which is a 409.
    if _TAKEN in body.message or any(value.error == "CONFLICTING_UNIQUE_VALUE" for value in invalid):
        return "duplicate"
    if status >= 500:
        return "unavailable"
    return _KIND_BY_STATUS.get(status, "rejected")


def _partial(reply: VendorReply) -> VendorRefusal | None:
    try:
        errors = _batch_errors.decode(reply.body).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # whoever reads the records will say what does not fit
    for error in errors:
        if error.category != "OBJECT_NOT_FOUND":
            return VendorRefusal(
                kind="rejected",
                code=error.category,
                detail=error.message[:LONGEST_DETAIL] or "HubSpot could not carry out the batch",
                request_id=reply.headers.get(REQUEST_ID_HEADER),
            )
    return None


def _body(reply: VendorReply) -> ErrorBody:
    try:
        return _error_body.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ErrorBody()


def _invalid(message: str) -> tuple[InvalidValue, ...]:
    if not message.startswith(_VALIDATION_PREFIX):
        return ()
    try:
        return _invalid_values.decode(message[len(_VALIDATION_PREFIX) :])
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return ()


def _fields(body: ErrorBody) -> tuple[tuple[str, str], ...]:
    named = ((error.place or next(iter(error.context.property_name), None), error.message) for error in body.errors)
    return tuple((name, message) for name, message in named if name is not None)


def _holder(message: str) -> str | None:
    """The record that holds the value: "Contact already exists. Existing ID: 51", or "Cannot set
    PropertyValueCoordinates{…} on 72. 51 already has that value."."""
    if "Existing ID:" in message:
        found = message.rpartition("Existing ID:")[2].strip().rstrip(".")
    elif "PropertyValueCoordinates{" in message and _TAKEN in message:
        found = message.rpartition(_TAKEN)[0].rpartition(" ")[2]
    else:
        return None
    return found if found.isascii() and found.isdecimal() else None


def _retry_after(reply: VendorReply, body: ErrorBody) -> float | None:
    asked = _number(reply.headers.get("retry-after"))
    if asked is not None:
        return asked
    if reply.status == 423:
        return _LOCKED_PATIENCE
    return _PATIENCE.get(body.policy_name) if body.policy_name is not None else None


def _silence(reply: VendorReply) -> str:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip() or "no content type"
    return f"HubSpot answered {reply.status} without saying why ({kind})"


def _number(text: str | None) -> float | None:
    if text is None or len(text) > 12 or not text.isascii() or not text.isdecimal():
        return None
    return float(text)
