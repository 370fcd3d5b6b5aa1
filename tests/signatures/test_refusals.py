"""An invalid signature is refused for the right reason, in any spelling."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.signatures import MAX_SIGNATURES, Secret, SignatureRefused

from .bodies import SECRETS
from .senders import IDENTITY, SCHEMES, SIGNATURE, TIMESTAMP, Sent, in_base64, public_secret, refusal, sent, sent_v1a


def flips(text: bytes) -> Iterator[bytes]:
    """Every way to change one bit."""
    for position in range(len(text)):
        for bit in range(8):
            yield text[:position] + bytes((text[position] ^ 1 << bit,)) + text[position + 1 :]


def signed_parts(case: Sent) -> Iterator[Sent]:
    """The request with any one bit of what its signature covers, or of the signature itself, changed."""
    for body in flips(case.body):
        yield replace(case, body=body)
    names = {SIGNATURE[case.scheme], *([TIMESTAMP[case.scheme]] if case.scheme in TIMESTAMP else [])}
    for name in sorted(names | ({"webhook-id"} if case.scheme == "standard-webhooks" else set())):
        for value in flips(case.header(name)):
            yield case.with_header(name, value)
    if case.scheme == "hubspot":
        for url in flips(case.url.encode()):
            yield replace(case, url=url.decode("latin-1"))
        for method in flips(case.method.encode()):
            yield replace(case, method=method.decode("latin-1"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_changed_bit_of_what_is_signed_is_refused(scheme: str) -> None:
    case = sent(scheme)
    case.proven_by()

    tried = [refusal(changed) for changed in signed_parts(case)]

    assert len(tried) >= 8 * len(case.body)
    assert set(tried) <= {"mismatch", "malformed", "missing"}


def test_any_changed_bit_under_an_ed25519_signature_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    case = sent_v1a(key, b'{"type":"a"}')
    case.proven_by(public_secret(key))

    assert {refusal(changed, public_secret(key)) for changed in signed_parts(case)} <= {"mismatch", "malformed"}


def test_the_keys_of_one_kind_do_not_prove_signatures_of_the_other() -> None:
    key = Ed25519PrivateKey.generate()
    public = public_secret(key)
    case = sent_v1a(key, b"{}")
    # The public key is public: a v1 HMAC made with its bytes must prove nothing.
    content = b"msg_asymmetric.%b.{}" % case.header("webhook-timestamp")
    forged = b"v1," + in_base64(base64.b64decode(public.value.removeprefix("whpk_")), content)

    assert refusal(case.with_header("webhook-signature", forged), public) == "mismatch"
    assert refusal(case, Secret(value=SECRETS["standard-webhooks"])) == "mismatch"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_secret_or_none_is_refused(scheme: str) -> None:
    assert refusal(sent(scheme), Secret(value="whsec_" + "AAAA" * 8)) == "mismatch"
    assert refusal(sent(scheme), Secret(value="")) == "no-secret"
    assert refusal(sent(scheme), Secret(value="\ud800")) == "no-secret"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_signed_header_is_needed(scheme: str) -> None:
    names = [SIGNATURE[scheme], *([TIMESTAMP[scheme]] if scheme in TIMESTAMP else [])]
    names += ["webhook-id"] if scheme == "standard-webhooks" else []

    for name in names:
        assert refusal(sent(scheme).without(name)) == "missing", name
        assert refusal(sent(scheme).with_header(name, b"")) in ("missing", "malformed"), name


@pytest.mark.parametrize("scheme", SCHEMES)
def test_names_of_headers_are_read_in_any_case(scheme: str) -> None:
    case = sent(scheme)

    replace(case, headers=tuple((name.lower(), value) for name, value in case.headers)).proven_by()
    replace(case, headers=tuple((name.upper(), value) for name, value in case.headers)).proven_by()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_repeated_header_is_refused_and_never_chosen_from(scheme: str) -> None:
    case = sent(scheme)
    names = [*IDENTITY[scheme], *([TIMESTAMP[scheme]] if scheme in TIMESTAMP else [])]
    names += [SIGNATURE[scheme]] if scheme != "standard-webhooks" else []

    for name in names:
        assert refusal(case.and_header(name.upper(), case.header(name))) == "duplicate", name
        assert refusal(case.and_header(name, b"another")) == "duplicate", name
        assert refusal(case.and_header(name, b"")) == "duplicate", name
    first = replace(case, headers=((SIGNATURE[scheme].encode(), b"junk"), *case.headers))
    if scheme != "standard-webhooks":
        assert refusal(first) == "duplicate"


def test_two_signature_lists_of_standard_webhooks_are_one_list() -> None:
    case = sent("standard-webhooks")
    junk = b"v1," + b"A" * 43 + b"="

    case.and_header("webhook-signature", junk).proven_by()
    replace(case, headers=((b"Webhook-Signature", junk), *case.headers)).proven_by()
    assert refusal(case.with_header("webhook-signature", junk).and_header("webhook-signature", junk)) == "mismatch"


def test_junk_between_signatures_is_passed_over() -> None:
    good = sent("standard-webhooks").header("webhook-signature")
    junk = b"v1a, v1 v1, ,x v2,abc v1,%%% v1,\xff\xfe\x00 " + b"v1," + b"A" * 43 + b"=  "

    sent("standard-webhooks").with_header("webhook-signature", junk + good + b" " + junk).proven_by()
    assert refusal(sent("standard-webhooks").with_header("webhook-signature", junk)) == "mismatch"
    assert refusal(sent("standard-webhooks").with_header("webhook-signature", b"v1,%%% v2,abc")) == "malformed"


def test_a_list_without_end_is_refused_even_if_it_holds_the_signature() -> None:
    standard, stripe = sent("standard-webhooks"), sent("stripe")
    signature, times = standard.header("webhook-signature"), stripe.header("Stripe-Signature")

    most = b"v1,AAAA " * (MAX_SIGNATURES - 1)
    standard.with_header("webhook-signature", most + signature).proven_by()
    for junk in (b"v1,AAAA " * MAX_SIGNATURES, b" " * 60_000, (b"v1," + b"A" * 43 + b"= ") * 10_000):
        assert refusal(standard.with_header("webhook-signature", junk + signature)) == "malformed"
    for more in (b",v1=" + b"0" * 64, b",", b",v0=1"):
        assert refusal(stripe.with_header("Stripe-Signature", times + more * 10_000)) == "malformed"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_body_need_not_be_text_and_may_be_empty(scheme: str) -> None:
    for body in (b"", b"\xff\xfe\x00", b"\xed\xa0\x80", b"\x00" * 4096):
        sent(scheme, body).proven_by()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_headers_of_others_need_not_be_text(scheme: str) -> None:
    sent(scheme).and_header("x-note", b"\xff\xfe\x00").and_header("\xfc", b"").and_header("x-note", b"").proven_by()


def test_a_refusal_says_nothing_of_the_request() -> None:
    with pytest.raises(SignatureRefused) as refused:
        sent("shopify").with_header("X-Shopify-Hmac-Sha256", b"attacker@example.com").proven_by()

    assert str(refused.value) == "malformed"
    assert refused.value.__cause__ is None
