"""How a Medusa says no.

Seen on 2.21, and in its source (`error-handler.js`): `{"type", "message", "code"?}` with a status that follows from the
type; without a type where an API key opens nothing. A second customer with an e-mail address is `invalid_data` with a
sentence. A path that there is not is answered with a page. Nothing in here raises, whatever the bytes are. Medusa has
no rate limit and gives requests no ids; what stands before it may answer 429.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

LONGEST_DETAIL: Final = 1000
ALREADY: Final = re.compile(r"already exists\.?\s*$")
_FIELD: Final = re.compile(r"(?:for field|[Ff]ield) '([^']{1,200})'")
_UNRECOGNISED: Final = re.compile(r"Unrecognized fields: ('[^']{1,200}'(?:, '[^']{1,200}')*)")
_KIND_BY_TYPE: Final[dict[str, RefusalKind]] = {
    "unauthorized": "auth",
    "forbidden": "not_allowed",
    "not_found": "not_found",
    "duplicate_error": "duplicate",
    "conflict": "unavailable",  # with another request at the same time
    "QueryRunnerAlreadyReleasedError": "unavailable",
    "TransactionAlreadyStartedError": "unavailable",
    "TransactionNotStartedError": "unavailable",
}
_KIND_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    405: "not_allowed",
    408: "unavailable",
    409: "unavailable",
    425: "unavailable",
    429: "throttled",
}
_KIND_OF_PAGE: Final[dict[int, RefusalKind]] = {
    401: "auth",
    404: "not_allowed",  # it is the API that is not there, and not a record
    429: "throttled",
}


class _Complaint(Struct, frozen=True, kw_only=True):
    type: Any = None
    code: Any = None
    message: Any = None


_complaint: Final = msgspec.json.Decoder(_Complaint)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The no in a reply, or None for a success. A page in place of an answer is `unavailable`: it tells nothing of what
    was done."""
    if reply.body.lstrip()[:1] not in (b"{", b"["):
        return None if reply.status == 204 and not reply.body else _page(reply)
    if 200 <= reply.status < 300:
        return None
    found = _read(reply.body)
    type_, message = _text(found.type), _text(found.message)
    return VendorRefusal(
        kind=_kind(reply.status, type_, message or ""),
        code=type_ or _text(found.code),
        detail=(message or f"Medusa answers {reply.status} without a reason")[:LONGEST_DETAIL],
        retry_after=_seconds(reply.headers.get("retry-after")),
        fields=() if message is None else _fields(message),
    )


def budget(_reply: VendorReply) -> Budget | None:
    """Medusa counts nothing."""
    return None


def _page(reply: VendorReply) -> VendorRefusal:
    kind = _KIND_OF_PAGE.get(reply.status, "unavailable")
    detail = f"a page with status {reply.status} came in place of an answer of the Admin API"
    if reply.status == 404:
        detail += ": is base_url the address of the Medusa server, without a path?"
    return VendorRefusal(kind=kind, detail=detail, retry_after=_seconds(reply.headers.get("retry-after")))


def _kind(status: int, type_: str | None, message: str) -> RefusalKind:
    if type_ in _KIND_BY_TYPE:
        return _KIND_BY_TYPE[type_]
    if type_ == "invalid_data" and ALREADY.search(message):
        return "duplicate"
    if status >= 500:
        return "unavailable"
    return _KIND_BY_STATUS.get(status, "rejected")


def _read(body: bytes) -> _Complaint:
    try:
        return _complaint.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Complaint()


def _text(told: Any) -> str | None:
    return told if isinstance(told, str) and told else None


def _fields(message: str) -> tuple[tuple[str, str], ...]:
    """Which members of a body are complained about, as far as the sentence names them."""
    told = message[:LONGEST_DETAIL]
    named = _FIELD.findall(told)
    for several in _UNRECOGNISED.findall(told):
        named += [name.strip("'") for name in several.split(", ")]
    return tuple((name, told) for name in dict.fromkeys(named))


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds (RFC 9110, 10.2.3); a date is left to the back-off."""
    return float(header) if header is not None and header.isascii() and header.isdecimal() and len(header) < 9 else None
