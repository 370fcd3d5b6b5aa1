"""Unsigned requests by which vendors look for us: answered when they are exactly that, and otherwise verified."""

import pytest

from app.signatures import HandshakeAnswer

from .schemes import handshake
from .senders import SCHEMES, sent

FORM = ((b"Content-Type", b"application/x-www-form-urlencoded"), (b"User-Agent", b"WooCommerce/9.4 Hookshot"))


def test_a_pending_woocommerce_connection_answers_the_ping_with_200() -> None:
    assert handshake("woocommerce", "POST", FORM, b"webhook_id=17", pending=True) == HandshakeAnswer(status=200)
    assert handshake("woocommerce", "POST", (), b"webhook_id=17", pending=True) == HandshakeAnswer(status=200)
    assert handshake("woocommerce", "POST", FORM, b"webhook_id=17", pending=False) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"webhook_id=",
        b"webhook_id=-1",
        b"webhook_id=17\n",
        b"webhook_id=17&topic=order.created",
        b" webhook_id=17",
        b"webhook_id=" + b"9" * 10_000,
        "webhook_id=\uff11".encode(),
        b'{"id":17}',
        b"\xff\xfe",
    ],
)
def test_what_is_not_the_ping_has_to_be_signed(body: bytes) -> None:
    assert handshake("woocommerce", "POST", FORM, body, pending=True) is None


def test_a_ping_that_claims_a_signature_has_to_prove_it() -> None:
    headers = (*FORM, (b"x-wc-webhook-signature", b""))

    assert handshake("woocommerce", "POST", headers, b"webhook_id=17", pending=True) is None
    assert handshake("woocommerce", "PUT", FORM, b"webhook_id=17", pending=True) is None


@pytest.mark.parametrize("pending", [True, False])
def test_intercom_asks_with_head_whether_the_url_is_there(pending: bool) -> None:
    assert handshake("intercom", "HEAD", (), b"", pending=pending) == HandshakeAnswer(status=200)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("pending", [True, False])
def test_signed_requests_are_no_handshakes(scheme: str, pending: bool) -> None:
    case = sent(scheme)

    assert handshake(scheme, case.method, case.headers, case.body, pending=pending) is None
    if scheme != "woocommerce":
        assert handshake(scheme, "POST", FORM, b"webhook_id=17", pending=pending) is None
    if scheme != "intercom":
        assert handshake(scheme, "HEAD", (), b"", pending=pending) is None
