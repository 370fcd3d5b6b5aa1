"""Is this request from who it says it is from: one way for all schemes."""

import hmac
import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.signatures.body_signed import GITHUB, INTERCOM, SHOPIFY, WOOCOMMERCE
from app.signatures.claim import Claim, Key, Verifier
from app.signatures.request import Scheme, Secret, SignatureRefused, SignedRequest, UnusableSecret, optional
from app.signatures.shared_secret import SHARED_SECRET
from app.signatures.standard import STANDARD
from app.signatures.time_signed import HUBSPOT, STRIPE, ZENDESK

TOLERANCE: Final = timedelta(minutes=5)
"""How far a signed time may lie from ours, either way. HubSpot and Stripe document five minutes, Standard Webhooks'
libraries use it, and Zendesk, which signs a time and prescribes nothing, is held to the same."""

VERIFIERS: Final[Mapping[Scheme, Verifier]] = {
    "hubspot": HUBSPOT,
    "shopify": SHOPIFY,
    "zendesk": ZENDESK,
    "woocommerce": WOOCOMMERCE,
    "stripe": STRIPE,
    "intercom": INTERCOM,
    "github": GITHUB,
    "standard-webhooks": STANDARD,
    "shared-secret": SHARED_SECRET,
}

_DECOY: Final = randomness.token_bytes(32)


def verify(
    scheme: Scheme,
    request: SignedRequest,
    secrets: Sequence[Secret],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Secret:
    """The first of `secrets` that proves the request, so that the use of an old one can be seen.

    Every secret valid at `now` is tried against every signature, without early exit and in constant time; without
    any, the same work is done with a key that nobody has. `now` needs a time zone. Secrets of the wrong form count as
    absent: `check_secret` finds them when the configuration is read.

    Raises SignatureRefused, and nothing else whatever the request holds.
    """
    verifier = VERIFIERS[scheme]
    for name in verifier.once:
        optional(request.headers, name)
    claim = verifier.claim(request)
    proven: Secret | None = None
    tried = 0
    for secret in secrets:
        for key in _keys(verifier, secret, now):
            tried += 1
            if _proves(key, claim) and proven is None:
                proven = secret
    if not tried:
        _proves(_DECOY, claim)
        raise SignatureRefused("no-secret")
    if proven is None:
        raise SignatureRefused("mismatch")
    if claim.signed_at is not None and abs(now - claim.signed_at) > tolerance:
        raise SignatureRefused("stale")
    return proven


def check_secret(scheme: Scheme, value: str) -> None:
    """Whether a configured secret has the form that its scheme needs. Raises UnusableSecret, which names the form."""
    VERIFIERS[scheme].keys(value)


def _keys(verifier: Verifier, secret: Secret, now: datetime) -> tuple[Key, ...]:
    if not secret.valid_at(now):
        return ()
    try:
        return verifier.keys(secret.value)
    except UnusableSecret:
        return ()


def _proves(key: Key, claim: Claim) -> bool:
    proven = False
    if isinstance(key, Ed25519PublicKey):
        message = b"".join(claim.content)
        for signature in claim.ed25519:
            proven |= _made_by(key, signature, message)
        return proven
    if claim.shown is not None:
        # Digests are compared, so that the time tells neither the secret nor its length.
        return hmac.compare_digest(*(hmac.digest(_DECOY, text, "sha256") for text in (key, claim.shown)))
    digest = hmac.digest(key, b"".join(claim.content), claim.algorithm)
    for signature in claim.hmacs:
        proven |= hmac.compare_digest(digest, signature)
    return proven


def _made_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
