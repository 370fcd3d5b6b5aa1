"""How a WooCommerce shop says no.

Documented: REST API docs, "Errors": `{"code", "message", "data": {"status", "params"?}}`; plugins send `{"error",
"message"}`. Whatever stands before WordPress, and PHP itself, sends pages: at any status, 200 included, that is no
answer of the API. Nothing in here raises, whatever the bytes are. WooCommerce has no rate limit and no request ids;
hosts that have a limit answer 429.
"""

from typing import Any, Final

from msgspec import Struct

from mappings.http import Budget, VendorRefusal, VendorReply
from mappings.kit import refusals
from mappings.kit.refusals import LONGEST_DETAIL, Refusals

KEY_IS_LIMITED: Final = "does not have write permissions"
"""What a shop in English says, with the code and the status of a key that is refused, of one that may only read: it
goes on reading."""
NOT_THERE: Final = "_invalid_id"
BOM: Final = b"\xef\xbb\xbf"
REFUSALS: Final = Refusals(
    vendor="the shop's API",
    statuses={405: "not_allowed", 409: "rejected", 412: "rejected"},
    codes={
        "registration-error-email-exists": "duplicate",
        "registration-error-username-exists": "duplicate",
        "customer_email_exists": "duplicate",
        # Of a change: an address that is none is `rest_invalid_param`, and this says that somebody else has it.
        "woocommerce_rest_customer_invalid_email": "duplicate",
        "woocommerce_rest_authentication_error": "auth",
        "rest_cookie_invalid_nonce": "auth",
        "invalid_username": "auth",
        "incorrect_password": "auth",
        # WordPress is there and WooCommerce is not, switched off or being replaced: that tells of no record.
        "rest_no_route": "not_allowed",
        "internal_server_error": "unavailable",  # a plugin broke, halfway or not
        "db_update_error": "unavailable",
    },
    hint="is base_url the address of the shop, and are its permalinks other than plain?",
)


class _Complaint(Struct, frozen=True, kw_only=True):
    code: Any = None
    error: Any = None
    message: Any = None
    data: Any = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success. A page in place of an answer does not tell what was done."""
    body = reply.body.removeprefix(BOM)
    if not refusals.is_json(body):
        return None if reply.status == 204 and not body else REFUSALS.page(reply)
    if 200 <= reply.status < 300:
        return None
    found = refusals.read(body, _Complaint) or _Complaint()
    code = refusals.text(found.code if found.code is not None else found.error)
    message = refusals.text(found.message)
    kind = REFUSALS.kind(reply.status, code)
    if code is not None and code.endswith(NOT_THERE):
        kind = "not_found"
    if kind == "auth" and message is not None and KEY_IS_LIMITED in message:
        kind = "not_allowed"
    return REFUSALS.refusal(reply, kind=kind, code=code, detail=message, fields=_fields(found.data))


def budget(_reply: VendorReply) -> Budget | None:
    """Return None: WooCommerce's REST API counts nothing."""
    return None


def _fields(data: Any) -> tuple[tuple[str, str], ...]:
    """The parameters that are refused: a map of complaints, or a list of those that are missing."""
    params = data.get("params") if isinstance(data, dict) else None
    if isinstance(params, dict):
        return tuple((str(name), str(complaint)[:LONGEST_DETAIL]) for name, complaint in params.items())
    if isinstance(params, list):
        return tuple((str(name), "is missing") for name in params)
    return ()
