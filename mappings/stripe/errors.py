"""How Stripe refuses: `{"error": {"type", "code", "decline_code", "param", "message"}}`
(https://docs.stripe.com/api/errors). OAuth sends `{"error": "…", "error_description": "…"}`."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mappings.http import RefusalKind, VendorRefusal, VendorReply
from mappings.kit.refusals import Refusals, read

REFUSALS: Final = Refusals(
    vendor="Stripe",
    statuses={410: "rejected", 412: "rejected"},
    codes={
        # Another request holds the record or the key of this request; the connection does not have to wait for it.
        "lock_timeout": "unavailable",
        "idempotency_key_in_use": "unavailable",
        "rate_limit": "throttled",
        "resource_already_exists": "duplicate",
        "secret_key_required": "not_allowed",
        "platform_api_key_expired": "auth",
        "api_key_expired": "auth",
    },
    request_id=("request-id",),
)
KEY_REUSED: Final = "idempotency_error"
BAD_KEY: Final = "authentication_error"
REPLAYED: Final = "idempotent-replayed"
SHOULD_RETRY: Final = "stripe-should-retry"
RETRY: Final = {"true": True, "false": False}
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


class _OAuthBody(Struct):
    error: str | None = None
    error_description: str | None = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return None

    error = _error(reply.body)
    refused = REFUSALS.refusal(
        reply,
        kind=_kind(reply, error),
        code=error.decline_code or error.code or error.type,
        detail=error.message,
        fields=((error.param, error.message or "not valid"),) if error.param else (),
        conclusive=not _is_replayed(reply) and error.type != KEY_REUSED,
    )
    return replace(refused, retry=RETRY.get(reply.headers.get(SHOULD_RETRY, "")))


def _kind(reply: VendorReply, error: _Error) -> RefusalKind:
    if _is_replayed(reply) and reply.headers.get(SHOULD_RETRY) != "true":
        # Stripe repeats its first answer to a key for a day. Another request changes nothing, so look the record up.
        return "rejected"
    if error.code not in REFUSALS.codes:
        if error.type == KEY_REUSED:
            # The key belongs to another request, which was done or refused.
            return "unavailable" if reply.status == IN_USE else "duplicate"
        if error.type == BAD_KEY and reply.status < SERVER_ERROR:
            return "auth"
    return REFUSALS.kind(reply.status, error.code)


def _is_replayed(reply: VendorReply) -> bool:
    """Return whether Stripe repeats a server error. It does not say what Stripe had done before the error."""
    return reply.headers.get(REPLAYED) == "true" and reply.status >= SERVER_ERROR


def _error(body: bytes) -> _Error:
    answer = read(body, _Body)
    if answer is not None:
        return answer.error or _Error()
    bare = read(body, _OAuthBody) or _OAuthBody()
    return _Error(code=bare.error, message=bare.error_description)
