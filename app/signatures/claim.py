"""The signature of a request, decoded strictly and not yet verified.

Strict: each value has exactly one accepted spelling. Upper-case hex, base64 with white space or stray bits in its last
character, `+1700000000` and Arabic digits are refused, although lenient decoders accept them.
"""

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.signatures.request import SignatureRefused, SignedRequest, UnusableSecret

Key = bytes | Ed25519PublicKey

_HEX: Final = re.compile(rb"(?:[0-9a-f]{2})+")
_SECONDS: Final = re.compile(rb"[1-9][0-9]{0,10}")
_MILLISECONDS: Final = re.compile(rb"[1-9][0-9]{12}")
_INSTANT: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An unverified signature.

    `content` holds the signed bytes, in pieces so that the body is not copied. One of `hmacs` or `ed25519` must match
    them. `signed_at` is the signed time, where the scheme has one. `shown` is the secret itself, where the sender
    sends it instead of a signature; it authenticates the sender but not the bytes.
    """

    content: tuple[bytes, ...]
    hmacs: tuple[bytes, ...]
    algorithm: Literal["sha256", "sha1"] = "sha256"
    ed25519: tuple[bytes, ...] = ()
    signed_at: datetime | None = None
    shown: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifier:
    """One signature scheme.

    `claim` reads the signature of a request and raises SignatureRefused. `keys` turns a configured secret into the keys
    to try and raises UnusableSecret. The headers in `once` must not be repeated, because identity and topic are read
    from them.
    """

    claim: Callable[[SignedRequest], Claim]
    keys: Callable[[str], tuple[Key, ...]]
    once: tuple[bytes, ...] = ()


def text_key(secret: str) -> tuple[Key, ...]:
    """Return the secret's characters in UTF-8 as the key. Raises UnusableSecret."""
    if not secret:
        raise UnusableSecret("the webhook secret is empty")
    try:
        return (secret.encode(),)
    except UnicodeEncodeError:
        raise UnusableSecret("the webhook secret is not text in UTF-8") from None


def hex_digest(text: bytes, size: int) -> bytes | None:
    """Decode `size` bytes from lower-case hexadecimal. None if malformed."""
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        return None
    return bytes.fromhex(text.decode("ascii"))


def base64_digest(text: bytes, size: int) -> bytes | None:
    """Decode `size` bytes from base64 (RFC 4648, section 4) in canonical form (section 3.5). None if malformed."""
    try:
        digest = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    if len(digest) != size or binascii.b2a_base64(digest, newline=False) != text:
        return None
    return digest


def believable(digest: bytes | None) -> bytes:
    """Return the digest. Raises SignatureRefused for None."""
    if digest is None:
        raise SignatureRefused("malformed")
    return digest


def unix_seconds(text: bytes) -> datetime:
    """Parse whole seconds since 1970. Raises SignatureRefused for anything else, fractions included."""
    if not _SECONDS.fullmatch(text):
        raise SignatureRefused("malformed")
    return datetime.fromtimestamp(int(text), UTC)


def unix_milliseconds(text: bytes) -> datetime:
    """Parse milliseconds since 1970, exactly 13 digits (enough until 2286). Raises SignatureRefused."""
    if not _MILLISECONDS.fullmatch(text):
        raise SignatureRefused("malformed")
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def instant(text: bytes) -> datetime:
    """Parse an RFC 3339 date and time with its zone. Raises SignatureRefused."""
    if not _INSTANT.fullmatch(text):
        raise SignatureRefused("malformed")
    try:
        return datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        raise SignatureRefused("malformed") from None
