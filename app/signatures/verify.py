"""Verify the signature of a request, for all schemes, and answer handshakes: unsigned requests by which a vendor tests
the URL (`Scheme.ping`). They change nothing.

Signed pings (Intercom's topic `ping`, GitHub's event `ping`) are events, not handshakes.
"""

import hmac
import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.signatures.claim import (
    Claim,
    Headers,
    Key,
    Secret,
    SignatureRefused,
    SignedRequest,
    UnusableSecret,
    Verifier,
    optional,
    values,
    verifier_of,
)
from app.signatures.shared_secret import SHARED_SECRET
from app.signatures.standard_webhooks import STANDARD
from mappings.webhooks import Envelope, Scheme, Signature

_DECOY: Final = randomness.token_bytes(32)


@dataclass(frozen=True, kw_only=True, slots=True)
class HandshakeAnswer:
    """The answer to a handshake, sent instead of verifying the request."""

    status: int
    body: bytes = b""


def handshake(scheme: Scheme, method: str, headers: Headers, body: bytes, *, pending: bool) -> HandshakeAnswer | None:
    """Return the answer to a handshake, or None for a request that must be verified. Never raises."""
    ping = scheme.ping
    if ping is None or method != ping.method or (ping.only_pending and not pending):
        return None
    is_signed = isinstance(scheme.signature, Signature) and values(headers, scheme.signature.header.encode())
    return None if is_signed or not ping.body.fullmatch(body) else HandshakeAnswer(status=200)


def verify(scheme: Scheme, request: SignedRequest, secrets: Sequence[Secret], *, now: datetime) -> Secret:
    """Return the first of `secrets` that matches, so that the use of an old secret can be reported.

    Tries every secret against every signature, in constant time and without early exit, also those not valid at `now`.
    Without any valid secret, does the same work with a random key. `now` needs a time zone. Secrets of the wrong form
    count as absent; `check_secret` reports them when the configuration is read. Raises only SignatureRefused.
    """
    for name in _headers_read(scheme.envelope):
        optional(request.headers, name)
    verifier = _verifier(scheme)
    claim = verifier.claim(request)
    proven: Secret | None = None
    is_any_valid = is_inactive = False
    for secret in secrets:
        is_valid = secret.valid_at(now)
        for key in _keys(verifier, secret):
            is_any_valid |= is_valid
            if _proves(key, claim):
                is_inactive |= not is_valid
                proven = proven or (secret if is_valid else None)
    if not is_any_valid:
        _proves(_DECOY, claim)
    if proven is None:
        raise SignatureRefused("inactive" if is_inactive else "mismatch" if is_any_valid else "no-secret")
    if claim.signed_at is not None and abs((now - claim.signed_at).total_seconds()) > verifier.tolerance:
        raise SignatureRefused("stale")
    return proven


def check_secret(scheme: Scheme, value: str) -> None:
    """Check that a secret has the form that its scheme needs. Raises UnusableSecret, which names the form."""
    _verifier(scheme).keys(value)


@cache
def _headers_read(envelope: Envelope) -> tuple[bytes, ...]:
    """Return the headers from which identity, topic and time are read. A repeated one is refused."""
    places = [envelope.topic, *(place for part in envelope.identity for place in part)]
    places += [] if envelope.time is None else [envelope.time]
    return tuple(dict.fromkeys(place.header.encode() for place in places if place.header))


@cache
def _verifier(scheme: Scheme) -> Verifier:
    if isinstance(scheme.signature, Signature):
        return verifier_of(scheme.signature)
    return SHARED_SECRET if scheme.signature == "shared-secret" else STANDARD


def _keys(verifier: Verifier, secret: Secret) -> tuple[Key, ...]:
    try:
        return verifier.keys(secret.value)
    except UnusableSecret:
        return ()


def _proves(key: Key, claim: Claim) -> bool:
    proven = False
    if isinstance(key, Ed25519PublicKey):
        message = b"".join(claim.content)
        for signature in claim.ed25519:
            proven |= _is_signed_by(key, signature, message)
        return proven
    if claim.secret is not None:
        # Compare digests, so that timing reveals neither the secret nor its length.
        return hmac.compare_digest(*(hmac.digest(_DECOY, text, "sha256") for text in (key, claim.secret)))
    digest = hmac.digest(key, b"".join(claim.content), claim.algorithm)
    for signature in claim.hmacs:
        proven |= hmac.compare_digest(digest, signature)
    return proven


def _is_signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
