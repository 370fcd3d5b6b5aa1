"""How Freshdesk says no, and what it says is left of the rate limit.

Two bodies: `{description, errors: [{field, message, code}]}` for a record that breaks rules, `{code, message}` for
everything else; a 404 has none at all. Nothing in here raises, whatever the bytes are.
"""

from math import isfinite
from typing import Final

import msgspec
from msgspec import Raw, Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

REQUEST_ID_HEADER: Final = "x-request-id"
DUPLICATE: Final = "duplicate_value"
_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    409: "version_conflict",
    410: "not_found",
    425: "unavailable",
    429: "throttled",
}
_BY_CODE: Final[dict[str, RefusalKind]] = {
    "invalid_credentials": "auth",
    "password_expired": "auth",
    "password_lockout": "auth",
    "access_denied": "not_allowed",
    "require_feature": "not_allowed",
    "account_suspended": "not_allowed",
}
_SAYS: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the credentials were refused",
    "not_found": "no such record",
    "duplicate": "a value is taken already",
    "version_conflict": "the record is in another state than the request needs",
    "not_allowed": "the credentials do not allow this",
}
MAX_DETAIL: Final = 1000
MAX_FIELDS: Final = 50


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


_body = msgspec.json.Decoder(_Body)
_more = msgspec.json.Decoder(_More | None)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return None

    body = _read(reply.body)
    complaints = (body.errors or [])[:MAX_FIELDS]
    kind = _kind(reply.status, body.code, complaints)
    return VendorRefusal(
        kind=kind,
        code=body.code or next((complaint.code for complaint in complaints if complaint.code), None),
        detail=(_words(body, complaints) or _edge(reply.status) or _SAYS[kind])[:MAX_DETAIL],
        request_id=reply.headers.get(REQUEST_ID_HEADER),
        retry_after=_number(reply.headers.get("retry-after")),
        fields=tuple(
            (complaint.field, complaint.message or complaint.code or "not valid")
            for complaint in complaints
            if complaint.field
        ),
        existing_remote_id=_existing(complaints),
    )


def budget(reply: VendorReply) -> Budget | None:
    """What is left of the account's requests in this minute; when the minute ends is not told."""
    remaining = _number(reply.headers.get("x-ratelimit-remaining"))
    return None if remaining is None else Budget(remaining=remaining)


def _kind(status: int, code: str | None, complaints: list[_Complaint]) -> RefusalKind:
    if any(complaint.code == DUPLICATE for complaint in complaints) or code == DUPLICATE:
        return "duplicate"
    if code in _BY_CODE and status < 500:
        return _BY_CODE[code]
    if status >= 500:
        return "unavailable"
    return _BY_STATUS.get(status, "rejected")


def _existing(complaints: list[_Complaint]) -> str | None:
    """The contact that holds a unique value already, which Freshdesk names for those."""
    for complaint in complaints:
        if complaint.code == DUPLICATE:
            try:
                more = _more.decode(complaint.additional_info)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            if more is not None and more.user_id is not None:
                return str(more.user_id)
    return None


def _read(body: bytes) -> _Body:
    try:
        return _body.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Body()


def _words(body: _Body, complaints: list[_Complaint]) -> str | None:
    said = body.description or body.message
    told = "; ".join(
        f"{complaint.field}: {complaint.message}" for complaint in complaints if complaint.field and complaint.message
    )
    return f"{said} ({told})" if said and told else said or told or None


def _edge(status: int) -> str | None:
    """What can be said where Freshdesk answered without a body."""
    if 300 <= status < 400:
        return "Freshdesk sends us to another address: check the connection's base URL"
    return None


def _number(text: str | None) -> float | None:
    """A plain count or number of seconds; None for a date or anything else."""
    if text is None:
        return None
    try:
        parsed = float(text)
    except ValueError:
        return None
    return parsed if isfinite(parsed) and parsed >= 0 else None
