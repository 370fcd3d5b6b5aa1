"""Refusals of a WooCommerce shop.

Documented: REST API docs, "Errors": `{"code", "message", "data": {"status", "params"?}}`; plugins send `{"error",
"message"}`. Proxies and PHP send HTML pages, at any status, even 200: those are not answers of the API. No function
here raises, for any bytes. WooCommerce has no rate limit and no request ids; hosts with a limit answer 429.
"""

from typing import Any, Final

from msgspec import Struct

from mappings.http import VendorRefusal, VendorReply
from mappings.kit import refusals
from mappings.kit.refusals import LONGEST_DETAIL, Refusals

KEY_IS_LIMITED: Final = "does not have write permissions"
"""The message, in English shops, for a key that may only read. It has the code and status of an invalid key, but reads
still work."""
NOT_THERE: Final = "_invalid_id"
BOM: Final = b"\xef\xbb\xbf"
REFUSALS: Final = Refusals(
    vendor="the shop's API",
    statuses={405: "not_allowed", 409: "rejected", 412: "rejected"},
    codes={
        "registration-error-email-exists": "duplicate",
        "registration-error-username-exists": "duplicate",
        "customer_email_exists": "duplicate",
        # On an update: the address belongs to another user. An invalid address is `rest_invalid_param`.
        "woocommerce_rest_customer_invalid_email": "duplicate",
        "woocommerce_rest_authentication_error": "auth",
        "rest_cookie_invalid_nonce": "auth",
        "invalid_username": "auth",
        "incorrect_password": "auth",
        # WordPress answers without WooCommerce, which is off or being updated: no statement about a record.
        "rest_no_route": "not_allowed",
        "internal_server_error": "unavailable",  # a plugin failed, perhaps halfway
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
    """Return the refusal in a reply, None for a success. With an HTML page the effect of the request is unknown."""
    body = reply.body.removeprefix(BOM)
    if not refusals.is_json(body):
        return None if reply.status == 204 and not body else REFUSALS.page(reply)
    if 200 <= reply.status < 300:
        return None
    complaint = refusals.read(body, _Complaint) or _Complaint()
    code = refusals.text(complaint.code if complaint.code is not None else complaint.error)
    message = refusals.text(complaint.message)
    kind = REFUSALS.kind(reply.status, code)
    if code is not None and code.endswith(NOT_THERE):
        kind = "not_found"
    if kind == "auth" and message is not None and KEY_IS_LIMITED in message:
        kind = "not_allowed"
    return REFUSALS.refusal(reply, kind=kind, code=code, detail=message, fields=_fields(complaint.data))


def _fields(data: Any) -> tuple[tuple[str, str], ...]:
    """Return the refused parameters: a map of complaints, or a list of missing names."""
    params = data.get("params") if isinstance(data, dict) else None
    if isinstance(params, dict):
        return tuple((str(name), str(complaint)[:LONGEST_DETAIL]) for name, complaint in params.items())
    if isinstance(params, list):
        return tuple((str(name), "is missing") for name in params)
    return ()
