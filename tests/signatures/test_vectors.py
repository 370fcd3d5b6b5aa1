"""Published examples, and the vendors' own packages on the other side of the wire."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.signatures import Secret, SignatureRefused, SignedRequest, new_secret, signed_headers

from .bodies import BODIES, SECRETS
from .schemes import verify
from .senders import NOW, SCHEMES, Sent, sent

STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_vector_of_standard_webhooks() -> None:
    """libraries/go/webhook_test.go of the specification's repository, both ways."""
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    secret = Secret(value=STANDARD_SECRET)

    headers = signed_headers((secret,), message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=body)

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": signature,
    }
    wire = tuple((name.encode(), value.encode()) for name, value in headers.items())
    assert Sent(scheme="standard-webhooks", headers=wire, body=body).proven_by(secret, now=at) == secret


def test_the_vector_of_github() -> None:
    """docs.github.com, "Validating webhook deliveries", section on testing."""
    digest = b"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = SignedRequest(
        method="POST",
        url="https://hooks.example.com/v1/webhooks/github",
        headers=((b"X-Hub-Signature-256", b"sha256=" + digest),),
        body=b"Hello, World!",
    )

    verify("github", request, (Secret(value="It's a Secret to Everybody"),), now=NOW)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_a_vendor_sends_is_proven(scheme: str) -> None:
    assert sent(scheme).proven_by().value == SECRETS[scheme]


def test_what_the_stripe_package_signs_is_proven() -> None:
    body = '{"id":"evt_1","object":"event","note":"Zoë ✂"}'
    header = stripe.WebhookSignature.generate_signature_header(body, SECRETS["stripe"], int(NOW.timestamp()))

    Sent(scheme="stripe", headers=((b"Stripe-Signature", header.encode()),), body=body.encode()).proven_by()


def test_the_stripe_package_agrees_on_signatures() -> None:
    now = datetime.now(UTC)
    good = sent("stripe", at=now)
    cases = {
        "good": good,
        "body changed": Sent(scheme="stripe", headers=good.headers, body=good.body + b" "),
        "other secret": sent("stripe", at=now, secret="whsec_other"),
        "old": sent("stripe", at=now - timedelta(minutes=6)),
        "v0 only": good.with_header("Stripe-Signature", good.header("Stripe-Signature").replace(b"v1", b"v0")),
        "while rolled": good.with_header(
            "Stripe-Signature",
            good.header("Stripe-Signature").replace(b",v1", b",v1=" + b"0" * 64 + b",v0=ab,v1"),
        ),
    }

    assert {name: proven(case, now) for name, case in cases.items()} == {
        name: proven_by_stripe(case) for name, case in cases.items()
    }
    assert proven(cases["while rolled"], now)


def proven(case: Sent, now: datetime) -> bool:
    try:
        case.proven_by(now=now)
    except SignatureRefused:
        return False
    return True


def proven_by_stripe(case: Sent) -> bool:
    try:
        stripe.WebhookSignature.verify_header(
            case.body.decode(), case.header("Stripe-Signature").decode(), SECRETS["stripe"], 300
        )
    except stripe.SignatureVerificationError:
        return False
    return True


def test_what_the_standardwebhooks_package_signs_is_proven() -> None:
    body = BODIES["standard-webhooks"]
    signature = Webhook(STANDARD_SECRET).sign("msg_1", NOW, body.decode())
    headers = (
        (b"WEBHOOK-ID", b"msg_1"),
        (b"Webhook-Timestamp", b"%d" % NOW.timestamp()),
        (b"webhook-signature", signature.encode()),
    )

    Sent(scheme="standard-webhooks", headers=headers, body=body).proven_by()


def test_the_standardwebhooks_package_verifies_during_a_rotation() -> None:
    now = datetime.now(UTC)
    old, new, foreign = new_secret(), new_secret(), new_secret()
    secrets = (Secret(value=new), Secret(value=old, not_after=now + timedelta(hours=24)))
    body = '{"type":"customer.updated","data":{"name":"Zoë ✂"}}'.encode()

    headers = signed_headers(secrets, message_id="evt_0198f0", at=now, body=body)

    assert Webhook(new).verify(body, headers) == json.loads(body)
    assert Webhook(old).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)
