"""Refusals of Freshdesk, and its rate limit.

There are two bodies: `{description, errors: [{field, message, code}]}` for an invalid record, `{code, message}` for
everything else. A 404 has no body. No function here raises, for any bytes.
"""

from typing import Final

from msgspec import Raw, Struct

from mappings.http import RefusalKind, VendorRefusal, VendorReply
from mappings.kit.refusals import MOST_FIELDS, Refusals, limits, read

REQUEST_ID_HEADER: Final = "x-request-id"
DUPLICATE: Final = "duplicate_value"
REFUSALS: Final = Refusals(
    vendor="Freshdesk",
    statuses={412: "rejected"},
    codes={
        DUPLICATE: "duplicate",
        "invalid_credentials": "auth",
        "password_expired": "auth",
        "password_lockout": "auth",
        "access_denied": "not_allowed",
        "require_feature": "not_allowed",
        "account_suspended": "not_allowed",
    },
    request_id=(REQUEST_ID_HEADER,),
)


class _More(Struct):
    user_id: int | None = None


class _Complaint(Struct):
    field: str | None = None
    message: str | None = None
    code: str | None = None
    additional_info: Raw = Raw(b"null")


class _Body(Struct):
    description: str | None = None
    message: str | None = None
    code: str | None = None
    errors: list[_Complaint] | None = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return None

    body = read(reply.body, _Body) or _Body()
    complaints = (body.errors or [])[:MOST_FIELDS]
    return REFUSALS.refusal(
        reply,
        kind=_kind(reply.status, body.code, complaints),
        code=body.code or next((complaint.code for complaint in complaints if complaint.code), None),
        detail=_message(body, complaints),
        fields=tuple(
            (complaint.field, complaint.message or complaint.code or "not valid")
            for complaint in complaints
            if complaint.field
        ),
        existing_remote_id=_existing(complaints),
    )


budget: Final = limits("x-ratelimit-remaining")
"""The account's remaining requests in this minute. Freshdesk does not send when the minute ends."""


def _kind(status: int, code: str | None, complaints: list[_Complaint]) -> RefusalKind:
    if any(complaint.code == DUPLICATE for complaint in complaints):
        return "duplicate"
    # The code of a server error is meaningless.
    return REFUSALS.kind(status, code if status < 500 or code == DUPLICATE else None)


def _existing(complaints: list[_Complaint]) -> str | None:
    """Return the id of the contact that already has a unique value, if Freshdesk sends it."""
    for complaint in complaints:
        if complaint.code == DUPLICATE:
            more = read(bytes(complaint.additional_info), _More)
            if more is not None and more.user_id is not None and more.user_id > 0:
                return str(more.user_id)
    return None


def _message(body: _Body, complaints: list[_Complaint]) -> str | None:
    summary = body.description or body.message
    details = "; ".join(
        f"{complaint.field}: {complaint.message}" for complaint in complaints if complaint.field and complaint.message
    )
    return f"{summary} ({details})" if summary and details else summary or details or None
