"""Secrets: their forms, their times, and what is signed with them."""

import base64
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.signatures import Secret, SignatureRefused, UnusableSecret, new_secret, signed_headers

from .bodies import BODIES, SECRETS
from .schemes import check_secret
from .senders import NOW, SCHEMES, Sent, in_base64, public_secret, sent, sent_v1a

HOUR = timedelta(hours=1)


def other(scheme: str) -> str:
    return "whsec_" + base64.b64encode(b"another secret of " + scheme.encode().ljust(17, b".")).decode()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_secrets_overlap_and_the_old_one_ends(scheme: str) -> None:
    old = Secret(value=SECRETS[scheme], not_after=NOW + HOUR)
    new = Secret(value=other(scheme), not_before=NOW - HOUR)
    secrets = (new, old)

    def proof(secret: Secret, at: datetime) -> Secret | str:
        try:
            return sent(scheme, secret=secret.value, at=at).proven_by(*secrets, now=at)
        except SignatureRefused as refused:
            return refused.reason

    before, during, after = NOW - 2 * HOUR, NOW, NOW + 2 * HOUR
    assert [proof(old, at) for at in (before, during, after)] == [old, old, "inactive"]
    assert [proof(new, at) for at in (before, during, after)] == ["inactive", new, new]
    assert proof(old, NOW + HOUR) == "inactive"
    assert proof(old, NOW + HOUR - timedelta(microseconds=1)) == old
    assert proof(new, NOW - HOUR) == new
    assert proof(new, NOW - HOUR - timedelta(microseconds=1)) == "inactive"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_place_of_a_secret_among_others_does_not_matter(scheme: str) -> None:
    right = Secret(value=SECRETS[scheme])
    wrong = [Secret(value=value) for value in (other(scheme), "", "\ud800", "whpk_x", "whsec_!", new_secret())]

    for place in range(len(wrong) + 1):
        assert sent(scheme).proven_by(*wrong[:place], right, *wrong[place:]) is right


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("signs", "reason"), [(SECRETS, "inactive"), (None, "no-secret")])
def test_without_a_valid_secret_nothing_is_proven(scheme: str, signs: dict[str, str] | None, reason: str) -> None:
    expired = Secret(value=SECRETS[scheme], not_after=NOW)
    signed = sent(scheme, secret=other(scheme) if signs is None else signs[scheme])

    with pytest.raises(SignatureRefused, match=reason):
        signed.proven_by(expired)


def test_symmetric_and_asymmetric_secrets_stand_side_by_side() -> None:
    key = Ed25519PrivateKey.generate()
    symmetric, asymmetric = Secret(value=SECRETS["standard-webhooks"]), public_secret(key)
    case = sent_v1a(key, b"{}")
    mixed = sent("standard-webhooks").and_header("webhook-signature", case.header("webhook-signature"))

    assert case.proven_by(symmetric, asymmetric) is asymmetric
    assert mixed.proven_by(asymmetric, symmetric) is symmetric


@pytest.mark.parametrize(
    ("stored", "signs"),
    [
        ("a&amp;b&lt;c&gt;d&quot;e", 'a&b<c>d"e'),
        ("&#039;&#39;&#0000039;&#x27;&#X0027;&#34;&#x22;&#38;&#x26;&#60;&#062;", "'''''\"\"&&<>"),
        ("&apos;&nbsp;&#x3c;&#65;&AMP;&amp", "&apos;&nbsp;&#x3c;&#65;&AMP;&amp"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_woocommerce_signs_with_its_secret_decoded(stored: str, signs: str) -> None:
    """wp_specialchars_decode with ENT_QUOTES: five characters, once, and no other entity."""
    signature = in_base64(signs.encode(), b"{}")
    case = sent("woocommerce", b"{}").with_header("X-WC-Webhook-Signature", signature)

    case.proven_by(Secret(value=stored))
    case.proven_by(Secret(value=signs))


def test_stripe_and_zendesk_use_the_whole_text_as_key() -> None:
    for scheme in ("stripe", "zendesk"):
        value = SECRETS[scheme].removeprefix("whsec_")
        decoded = base64.b64decode(value + "=" * (-len(value) % 4)).decode("latin-1")
        for wrong in {value, decoded} - {SECRETS[scheme]}:
            with pytest.raises(SignatureRefused):
                sent(scheme).proven_by(Secret(value=wrong))


@pytest.mark.parametrize(
    "secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SECRETS["standard-webhooks"], "whsec_c2Vj", "c2VjcmU"]
)
def test_forms_in_which_a_standard_secret_is_shown(secret: str) -> None:
    check_secret("standard-webhooks", secret)
    padded = secret.removeprefix("whsec_") + "=" * (-len(secret.removeprefix("whsec_")) % 4)

    sent("standard-webhooks", secret="whsec_" + padded).proven_by(Secret(value=secret))


@pytest.mark.parametrize("value", ["", "whsec_", "whsec_not base64", "whsec_c2Vj-_", "sk_live_ü", "whpk_", "whpk_c2Vj"])
def test_a_secret_of_the_wrong_form_is_named_when_it_is_configured(value: str) -> None:
    with pytest.raises(UnusableSecret) as unusable:
        check_secret("standard-webhooks", value)

    kept = value.removeprefix("whsec_").removeprefix("whpk_")
    assert not kept or kept not in str(unusable.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_takes_its_usual_secret_and_no_empty_one(scheme: str) -> None:
    check_secret(scheme, SECRETS[scheme])
    with pytest.raises(UnusableSecret):
        check_secret(scheme, "")


def test_a_secret_is_not_shown() -> None:
    secret = Secret(value="whsec_canary", not_after=NOW)

    assert "canary" not in repr(secret) + str(secret) + f"{[secret]}"


def test_the_validity_of_a_secret_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        Secret(value="x", not_after=NOW.replace(tzinfo=None))


def test_new_secrets_are_fresh_and_are_text_in_base64() -> None:
    secrets = [new_secret() for _ in range(20)]

    assert len(set(secrets)) == len(secrets)
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        # Text, so that tools whose HMAC takes its secret as text can verify; 256 bits, in the size that is asked for.
        assert len(base64.urlsafe_b64decode(key + b"=")) == 32
        assert 24 <= len(key.decode("ascii")) <= 64


def test_what_we_sign_is_what_we_would_accept() -> None:
    secrets = (Secret(value=new_secret()), Secret(value=new_secret()), Secret(value=new_secret(), not_after=NOW))
    body = BODIES["standard-webhooks"]

    headers = signed_headers(secrets, message_id="evt_1", at=NOW, body=body)

    case = Sent(
        scheme="standard-webhooks",
        headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        body=body,
    )
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert [case.proven_by(secret) for secret in secrets[:2]] == list(secrets[:2])
    with pytest.raises(SignatureRefused):
        case.proven_by(Secret(value=secrets[2].value))


def test_nothing_is_signed_that_could_be_misread_or_with_a_weak_secret() -> None:
    good = (Secret(value=new_secret()),)
    for message_id in ("", "a.b", "a b", "ü", "x" * 256, "a\n", "\ud800"):
        with pytest.raises(ValueError):
            signed_headers(good, message_id=message_id, at=NOW, body=b"")
    for value in ("whsec_c2Vj", "c" * 32, "whsec_" + base64.b64encode(bytes(65)).decode(), "whpk_" + "A" * 43 + "="):
        with pytest.raises(UnusableSecret):
            signed_headers((Secret(value=value),), message_id="evt_1", at=NOW, body=b"")
    with pytest.raises(ValueError, match="no secret"):
        signed_headers((Secret(value=new_secret(), not_before=NOW + HOUR),), message_id="evt_1", at=NOW, body=b"")
