"""How a shop says no, and what stands before it: each answer has its kind, and junk never breaks the judging."""

import pytest

from mappings.http import VendorReply
from mappings.woocommerce import VENDOR
from tests.mappings.drafts import reply
from tests.required import required


def refused_reply(code: str, status: int, message: str = "No.", **data: object) -> VendorReply:
    return reply({"code": code, "message": message, "data": {"status": status, **data}}, status)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused_reply("registration-error-email-exists", 400), "duplicate"),
        (refused_reply("woocommerce_rest_customer_invalid_email", 400, "Email address is invalid."), "duplicate"),
        (refused_reply("woocommerce_rest_shop_order_invalid_id", 400), "not_found"),
        (refused_reply("woocommerce_rest_shop_order_invalid_id", 404), "not_found"),
        (refused_reply("woocommerce_rest_invalid_id", 404), "not_found"),
        (refused_reply("rest_no_route", 404), "not_allowed"),
        (refused_reply("woocommerce_rest_authentication_error", 401), "auth"),
        (
            refused_reply(
                "woocommerce_rest_authentication_error", 401, "The API key provided does not have write permissions."
            ),
            "not_allowed",
        ),
        (refused_reply("woocommerce_rest_cannot_view", 401), "auth"),
        (refused_reply("woocommerce_rest_cannot_edit", 403), "not_allowed"),
        (refused_reply("rest_invalid_param", 400), "rejected"),
        (refused_reply("woocommerce_rest_required_product_reference", 400), "rejected"),
        (refused_reply("woocommerce_rest_already_trashed", 410), "not_found"),
        (refused_reply("internal_server_error", 500), "unavailable"),
        (refused_reply("anything_new", 418), "rejected"),
        (refused_reply("anything_new", 502), "unavailable"),
        (reply({"error": "a_plugins_code", "message": "Gift card not found."}, 400), "rejected"),
        (reply(b"<html><h1>503</h1></html>", 503), "unavailable"),
        (reply(b"<html>Too many</html>", 429), "throttled"),
        (reply(b"<html>Blocked</html>", 403), "unavailable"),
        (reply(b"<html>Log in</html>", 401), "auth"),
        (reply(b"<html>Page not found</html>", 404), "not_allowed"),
        (reply(b"<html>Maintenance</html>", 200), "unavailable"),
        (reply(b'<br />\n<b>Warning</b>: foo in /x.php<br />{"id": 7}', 201), "unavailable"),
    ],
)
def test_an_answer_has_its_kind(answer: VendorReply, kind: str) -> None:
    refusal = required(VENDOR.refusal(answer))
    assert refusal.kind == kind
    assert refusal.detail


def test_the_words_of_the_shop_and_the_parameters_are_kept() -> None:
    answer = refused_reply(
        "rest_invalid_param", 400, "Invalid parameter(s): email", params={"email": "Invalid email address."}
    )
    refusal = required(VENDOR.refusal(answer))
    assert (refusal.code, refusal.detail) == ("rest_invalid_param", "Invalid parameter(s): email")
    assert refusal.fields == (("email", "Invalid email address."),)
    missing = required(VENDOR.refusal(refused_reply("rest_missing_callback_param", 400, params=["password"])))
    assert missing.fields == (("password", "is missing"),)


@pytest.mark.parametrize("body", [b'{"id": 7}', b"[]", b"\xef\xbb\xbf{}", b"  {}"])
def test_a_success_is_none(body: bytes) -> None:
    assert VENDOR.refusal(reply(body)) is None
    assert VENDOR.budget(reply(body)) is None
