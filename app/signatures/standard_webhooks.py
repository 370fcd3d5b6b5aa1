"""Standard Webhooks 1.0: verify incoming webhooks and sign outgoing ones.

The signed content is `webhook-id.webhook-timestamp.body`. `v1` is HMAC-SHA256 with a `whsec_…` secret (base64 of the
key), `v1a` is ed25519 with a `whpk_…` public key.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.signatures.claim import (
    MAX_SIGNATURES,
    Claim,
    Key,
    Secret,
    SignatureRefused,
    SignedRequest,
    UnusableSecret,
    Verifier,
    base64_digest,
    required,
    unix_seconds,
    values,
)

SECRET_BYTES: Final = (24, 64)
"""The minimum and maximum bytes of a symmetric key, from the specification."""

_SYMMETRIC: Final = "whsec_"
_PUBLIC: Final = "whpk_"

# Visible ASCII without the full stop. With one, the end of the id could pass for the time, and the time for the start
# of the body.
_ID: Final = re.compile(rb"[!-\-/-~]{1,255}")


def _claim(request: SignedRequest) -> Claim:
    message_id = required(request.headers, b"webhook-id")
    timestamp = required(request.headers, b"webhook-timestamp")
    lists = values(request.headers, b"webhook-signature")
    if not lists:
        raise SignatureRefused("missing")
    # The header is a list, so a repeated header continues the list.
    entries = [entry.partition(b",")[::2] for one in lists for entry in one.split(b" ")]
    if len(entries) > MAX_SIGNATURES or not _ID.fullmatch(message_id):
        raise SignatureRefused("malformed")
    symmetric = [base64_digest(encoded, 32) for version, encoded in entries if version == b"v1"]
    asymmetric = [base64_digest(encoded, 64) for version, encoded in entries if version == b"v1a"]
    claim = Claim(
        content=(message_id, b".", timestamp, b".", request.body),
        hmacs=tuple(digest for digest in symmetric if digest is not None),
        ed25519=tuple(signature for signature in asymmetric if signature is not None),
        signed_at=unix_seconds(timestamp),
    )
    if not claim.hmacs and not claim.ed25519:
        raise SignatureRefused("malformed")
    return claim


def _keys(secret: str) -> tuple[Key, ...]:
    if secret.startswith(_PUBLIC):
        return (_public_key(secret.removeprefix(_PUBLIC)),)
    return (_symmetric_key(secret),)


def _public_key(encoded: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_decoded(encoded))
    except ValueError:
        raise UnusableSecret("a whpk_ key must be base64 of the 32 bytes of an ed25519 public key") from None


def _symmetric_key(secret: str) -> bytes:
    try:
        key = _decoded(secret.removeprefix(_SYMMETRIC))
    except ValueError:
        raise UnusableSecret("a Standard Webhooks secret must be whsec_ and base64") from None
    if not key:
        raise UnusableSecret("the webhook secret is empty")
    return key


def _decoded(encoded: str) -> bytes:
    # Some senders display secrets without padding, and the official libraries accept them.
    padding = "=" * (-len(encoded) % 4)
    return binascii.a2b_base64((encoded + padding).encode("ascii"), strict_mode=True)


STANDARD: Final = Verifier(claim=_claim, keys=_keys)
"""`webhook-signature`: a list of `v1,…` and `v1a,…`, one of which must match. Unknown versions are ignored. The
tolerance is that of the official libraries."""


def new_secret() -> str:
    """Generate a symmetric secret, `whsec_…`, with 256 random bits."""
    # The key itself is text: 43 characters of base64url. Tools whose HMAC takes a text secret (n8n's Crypto node) can
    # use the decoded key, which arbitrary bytes would not allow.
    return _SYMMETRIC + base64.b64encode(randomness.token_urlsafe(32).encode("ascii")).decode("ascii")


def signed_headers(secrets: Sequence[Secret], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three signature headers of one delivery attempt.

    `message_id` identifies the event and stays the same on every attempt; `at` is the time of this attempt. Each secret
    valid at that time signs, in the given order, so that a receiver accepts either one during a rotation. Raises
    ValueError if no secret is valid or the id is ambiguous (contains a full stop, for example), and UnusableSecret for
    a secret that is not `whsec_` and base64 of 24 to 64 bytes.
    """
    if not _ID.fullmatch(message_id.encode()):
        raise ValueError("a webhook-id must have 1 to 255 visible ASCII characters and no full stop")
    keys = [_signing_key(secret.value) for secret in secrets if secret.valid_at(at)]
    if not keys:
        raise ValueError("no secret is valid at the time of signing")
    timestamp = str(int(at.timestamp()))
    content = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    digests = [hmac.new(key, content, hashlib.sha256).digest() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join("v1," + base64.b64encode(digest).decode("ascii") for digest in digests),
    }


def _signing_key(secret: str) -> bytes:
    fewest, most = SECRET_BYTES
    if not secret.startswith(_SYMMETRIC) or not fewest <= len(_symmetric_key(secret)) <= most:
        raise UnusableSecret(f"a signing secret must be whsec_ and base64 of {fewest} to {most} bytes")
    return _symmetric_key(secret)
