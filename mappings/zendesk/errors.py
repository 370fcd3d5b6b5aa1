"""Zendesk's refusals, and what it reports of the rate limit.

Bodies are `{error, description, details}`, with `error` a word or an object `{title, message}`. Some statuses come as
HTML from the edge. No function here raises, for any bytes.
"""

from typing import Final

from msgspec import Raw, Struct

from mappings.http import RefusalKind, VendorRefusal, VendorReply
from mappings.kit.refusals import Refusals, limits, number, read

REFUSALS: Final = Refusals(
    vendor="Zendesk",
    statuses={412: "rejected"},
    codes={
        "UpdateConflict": "version_conflict",
        # Two writes collided in Zendesk's database and this one was rolled back: send the same request again.
        "DatabaseConflict": "unavailable",
        # The key belongs to another request, which was done.
        "IdempotentRequestError": "duplicate",
        "InvalidEndpoint": "rejected",
        "APIRateLimitExceeded": "throttled",
        "TooManyRequests": "throttled",
    },
    request_id=("x-request-id", "x-zendesk-request-id"),
)


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
    details: Raw = Raw(b"null")


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if 200 <= reply.status < 300 and not reply.body.startswith(b'{"error":'):
        return None

    body = read(reply.body, _Body) or _Body()
    code, detail = _code_and_detail(body)
    by_field = read(bytes(body.details), dict[str, list[_Complaint]]) or {}
    complaints = [(field, complaint) for field, listed in by_field.items() for complaint in listed]
    kind = _kind(reply.status, code, [complaint for _, complaint in complaints])
    return REFUSALS.refusal(
        reply,
        kind=kind,
        code=code,
        detail=detail,
        fields=tuple((field, one.description or one.error or "not valid") for field, one in complaints),
        retry_after=_retry_after(reply, kind),
    )


budget: Final = limits("ratelimit-remaining", "x-rate-limit-remaining", reset="ratelimit-reset")
"""What is left of the account's requests this minute. The limits of single endpoints are not read."""


def _kind(status: int, code: str | None, complaints: list[_Complaint]) -> RefusalKind:
    if any(complaint.error == "DuplicateValue" for complaint in complaints):
        return "duplicate"
    if status == 409 and code is not None and code not in REFUSALS.codes and code.startswith("Idempotent"):
        return "unavailable"
    return REFUSALS.kind(status, code)


def _code_and_detail(body: _Body) -> tuple[str | None, str | None]:
    if isinstance(body.error, _Titled):
        return body.error.title, body.error.message or body.error.title
    return body.error, body.description or body.message or body.error


def _retry_after(reply: VendorReply, kind: RefusalKind) -> float | None:
    wait = number(reply.headers.get("retry-after"))
    if wait is None and kind == "throttled":
        return number(reply.headers.get("ratelimit-reset"))
    return wait
