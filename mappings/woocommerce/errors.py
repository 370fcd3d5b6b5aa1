"""How a WooCommerce shop says no.

Documented: REST API docs, "Errors": `{"code", "message", "data": {"status", "params"?}}`; plugins send `{"error",
"message"}`. Whatever stands before WordPress, and PHP itself, sends pages: at any status, 200 included, that is no
answer of the API. Nothing in here raises, whatever the bytes are. WooCommerce has no rate limit and no request ids;
hosts that have a limit answer 429.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

LONGEST_DETAIL: Final = 1000
TAKEN: Final = frozenset(
    (
        "registration-error-email-exists",
        "registration-error-username-exists",
        "customer_email_exists",
        # Of a change: an address that is none is `rest_invalid_param`, and this says that somebody else has it.
        "woocommerce_rest_customer_invalid_email",
    )
)
KEY_IS_LIMITED: Final = "does not have write permissions"
"""What a shop in English says, with the code and the status of a key that is refused, of one that may only read: it
goes on reading."""
NOT_THERE: Final = "_invalid_id"
NO_API: Final = "rest_no_route"
_KIND_BY_CODE: Final[dict[str, RefusalKind]] = {
    "woocommerce_rest_authentication_error": "auth",
    "rest_cookie_invalid_nonce": "auth",
    "invalid_username": "auth",
    "incorrect_password": "auth",
    # WordPress is there and WooCommerce is not, switched off or being replaced: that tells of no record.
    NO_API: "not_allowed",
    "internal_server_error": "unavailable",  # a plugin broke, halfway or not
    "db_update_error": "unavailable",
}
_KIND_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    405: "not_allowed",
    408: "unavailable",
    410: "not_found",
    425: "unavailable",
    429: "throttled",
}
_KIND_OF_PAGE: Final[dict[int, RefusalKind]] = {
    401: "auth",
    404: "not_allowed",  # it is the API that is not there, and not a record
    429: "throttled",
}
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_BOM: Final = b"\xef\xbb\xbf"


class _Data(Struct, frozen=True, kw_only=True):
    status: int | None = None
    params: Any = None


class _Complaint(Struct, frozen=True, kw_only=True):
    code: Any = None
    error: Any = None
    message: Any = None
    data: Any = None


_complaint: Final = msgspec.json.Decoder(_Complaint)


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The no in a reply, or None for a success. A page in place of an answer is `unavailable`: it tells nothing of what
    was done."""
    if not is_json(reply.body):
        return None if _is_blank(reply) else _page(reply)
    if 200 <= reply.status < 300:
        return None
    found = _read(reply.body)
    data = _data(found.data)
    code = _text(found.code if found.code is not None else found.error)
    message = _text(found.message)
    kind = _kind(reply.status, code)
    if kind == "auth" and message is not None and KEY_IS_LIMITED in message:
        kind = "not_allowed"
    return VendorRefusal(
        kind=kind,
        code=code,
        detail=(message or f"WooCommerce answers {reply.status} without a reason")[:LONGEST_DETAIL],
        fields=_fields(data.params),
    )


def budget(_reply: VendorReply) -> Budget | None:
    """WooCommerce's REST API counts nothing."""
    return None


def is_json(body: bytes) -> bool:
    """Whether a body can be an answer of the API: notices that PHP prints before it make it none."""
    return body.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")


def _is_blank(reply: VendorReply) -> bool:
    return reply.status == 204 and not reply.body


def _page(reply: VendorReply) -> VendorRefusal:
    kind = _KIND_OF_PAGE.get(reply.status, "unavailable")
    detail = f"a page with status {reply.status} came in place of an answer of the shop's API"
    if reply.status == 404:
        detail += ": is base_url the address of the shop, and are its permalinks other than plain?"
    return VendorRefusal(kind=kind, detail=detail)


def _text(told: Any) -> str | None:
    return str(told) if isinstance(told, str | int) and told != "" else None


def _kind(status: int, code: str | None) -> RefusalKind:
    if code is not None:
        if code in TAKEN:
            return "duplicate"
        if code.endswith(NOT_THERE):
            return "not_found"
        if code in _KIND_BY_CODE:
            return _KIND_BY_CODE[code]
    if status >= 500:
        return "unavailable"
    return _KIND_BY_STATUS.get(status, "rejected")


def _read(body: bytes) -> _Complaint:
    try:
        return _complaint.decode(body.removeprefix(_BOM))
    except _UNREADABLE:
        return _Complaint()


def _data(data: Any) -> _Data:
    try:
        return msgspec.convert(data, _Data) if isinstance(data, dict) else _Data()
    except _UNREADABLE:
        return _Data()


def _fields(params: Any) -> tuple[tuple[str, str], ...]:
    """Which parameters are complained about: a map of complaints, or a list of those that are missing."""
    if isinstance(params, dict):
        return tuple((str(name), str(complaint)[:LONGEST_DETAIL]) for name, complaint in params.items())
    if isinstance(params, list):
        return tuple((str(name), "is missing") for name in params)
    return ()
