"""How Zendesk says no, and what it says is left of the rate limit.

Bodies are `{error, description, details}`, with `error` a word or an object `{title, message}`; some statuses come as
HTML from the edge. Nothing in here raises, whatever the bytes are.
"""

from math import isfinite
from typing import Final

import msgspec
from msgspec import Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    410: "not_found",
    425: "unavailable",
    429: "throttled",
}
_BY_CODE: Final[dict[str, RefusalKind]] = {
    "UpdateConflict": "version_conflict",
    # Two writes met in Zendesk's database and this one was rolled back: the same request may be sent again.
    "DatabaseConflict": "unavailable",
    # The key stands for another request, so what it stands for has been done.
    "IdempotentRequestError": "duplicate",
    "InvalidEndpoint": "rejected",
    "APIRateLimitExceeded": "throttled",
    "TooManyRequests": "throttled",
}
_SAYS: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the credentials were refused",
    "not_found": "no such record",
    "duplicate": "a value is taken already",
    "version_conflict": "the record has changed",
    "not_allowed": "the credentials do not allow this",
}
MAX_DETAIL: Final = 1000


class _Complaint(Struct):
    description: str | None = None
    error: str | None = None


class _Titled(Struct):
    title: str | None = None
    message: str | None = None


class _Body(Struct):
    error: str | _Titled | None = None
    description: str | None = None
    message: str | None = None
    details: dict[str, list[_Complaint]] | None = None


class _BareBody(Struct):
    """The same when `details` has a shape of its own."""

    error: str | _Titled | None = None
    description: str | None = None
    message: str | None = None


_full = msgspec.json.Decoder(_Body)
_bare = msgspec.json.Decoder(_BareBody)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The refusal in a reply, None for a success."""
    if 200 <= reply.status < 300 and not reply.body.startswith(b'{"error":'):
        return None

    body = _read(reply.body)
    code, detail = _words(body)
    complaints = body.details or {}
    kind = _kind(reply.status, code, complaints)
    return VendorRefusal(
        kind=kind,
        code=code,
        detail=(detail or _edge(reply.status) or _SAYS[kind])[:MAX_DETAIL],
        request_id=reply.headers.get("x-request-id") or reply.headers.get("x-zendesk-request-id"),
        retry_after=_retry_after(reply, kind),
        fields=tuple(
            (field, complaint.description or complaint.error or "not valid")
            for field, listed in complaints.items()
            for complaint in listed
        ),
    )


def budget(reply: VendorReply) -> Budget | None:
    """What is left of the account's requests this minute. The limits of single endpoints are not the account's."""
    remaining = _number(reply.headers.get("ratelimit-remaining") or reply.headers.get("x-rate-limit-remaining"))
    if remaining is None:
        return None
    return Budget(remaining=remaining, reset_after=_number(reply.headers.get("ratelimit-reset")))


def _kind(status: int, code: str | None, complaints: dict[str, list[_Complaint]]) -> RefusalKind:
    if any(complaint.error == "DuplicateValue" for listed in complaints.values() for complaint in listed):
        return "duplicate"
    if code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    if status >= 500:
        return "unavailable"
    if status == 409:
        return "unavailable" if code is not None and code.startswith("Idempotent") else "version_conflict"
    return _BY_STATUS.get(status, "rejected")


def _read(body: bytes) -> _Body:
    try:
        return _full.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        bare = _bare.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Body()
    return _Body(error=bare.error, description=bare.description, message=bare.message)


def _words(body: _Body) -> tuple[str | None, str | None]:
    if isinstance(body.error, _Titled):
        return body.error.title, body.error.message or body.error.title
    return body.error, body.description or body.message or body.error


def _edge(status: int) -> str | None:
    """What can be said where Zendesk's edge answered without a JSON body."""
    if 300 <= status < 400:
        return "Zendesk sends us to another address: check the connection's base URL"
    return None


def _retry_after(reply: VendorReply, kind: RefusalKind) -> float | None:
    asked = _number(reply.headers.get("retry-after"))
    if asked is not None or kind != "throttled":
        return asked
    return _number(reply.headers.get("ratelimit-reset"))


def _number(text: str | None) -> float | None:
    """A plain count or number of seconds; None for a date or anything else."""
    if text is None:
        return None
    try:
        parsed = float(text)
    except ValueError:
        return None
    return parsed if isfinite(parsed) and parsed >= 0 else None
