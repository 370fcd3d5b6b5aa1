"""How Stripe says no: `{"error": {"type", "code", "decline_code", "param", "message"}}` (https://docs.stripe.com/api/errors).

Nothing in here raises, whatever the bytes are.
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
    409: "version_conflict",
    425: "unavailable",
    429: "throttled",
}
_BY_CODE: Final[dict[str, RefusalKind]] = {
    # Another request holds the record, or the key of this very one, just now; the connection need not wait for it.
    "lock_timeout": "unavailable",
    "idempotency_key_in_use": "unavailable",
    "rate_limit": "throttled",
    "resource_already_exists": "duplicate",
    "secret_key_required": "not_allowed",
    "platform_api_key_expired": "auth",
    "api_key_expired": "auth",
}
_SAYS: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the key was refused",
    "not_found": "no such record",
    "duplicate": "it is there already",
    "version_conflict": "another request is at work on it",
    "not_allowed": "the key does not allow this",
}
KEY_REUSED: Final = "idempotency_error"
REPLAYED: Final = "idempotent-replayed"
MAX_DETAIL: Final = 1000
SERVER_ERROR: Final = 500
IN_USE: Final = 409


class _Error(Struct):
    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    message: str | None = None


class _Body(Struct):
    error: _Error | None = None


class _BareBody(Struct):
    """The same where `error` has a form of its own, such as a word (OAuth)."""

    error: str | None = None
    error_description: str | None = None


_full = msgspec.json.Decoder(_Body)
_bare = msgspec.json.Decoder(_BareBody)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return None

    error = _read(reply.body)
    kind = _kind(reply, error)
    code = error.decline_code or error.code or error.type
    return VendorRefusal(
        kind=kind,
        code=code,
        detail=(error.message or _SAYS[kind])[:MAX_DETAIL],
        request_id=reply.headers.get("request-id"),
        retry_after=_number(reply.headers.get("retry-after")),
        fields=((error.param, error.message or "not valid"),) if error.param else (),
        conclusive=not _is_replayed(reply) and error.type != KEY_REUSED,
    )


def budget(reply: VendorReply) -> Budget | None:
    """Nothing: Stripe does not tell what is left before it says 429."""
    return None


def _kind(reply: VendorReply, error: _Error) -> RefusalKind:
    if _is_replayed(reply):
        # The first answer to this key is told again for a day: asking once more changes nothing, looking does.
        return "rejected"
    if error.code is not None and error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if error.type == KEY_REUSED:
        # The key stands for another request: what it stands for has been done or refused.
        return "unavailable" if reply.status == IN_USE else "duplicate"
    if reply.status >= SERVER_ERROR:
        return "unavailable"
    if error.type == "authentication_error":
        return "auth"
    return _BY_STATUS.get(reply.status, "rejected")


def _is_replayed(reply: VendorReply) -> bool:
    """Whether an error of Stripe's own is told again, which says nothing about what it had done before it broke."""
    return reply.headers.get(REPLAYED) == "true" and reply.status >= SERVER_ERROR


def _read(body: bytes) -> _Error:
    try:
        return _full.decode(body).error or _Error()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        bare = _bare.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Error()
    return _Error(code=bare.error, message=bare.error_description)


def _number(text: str | None) -> float | None:
    """A plain number of seconds; None for a date or anything else."""
    if text is None:
        return None
    try:
        parsed = float(text)
    except ValueError:
        return None
    return parsed if isfinite(parsed) and parsed >= 0 else None
