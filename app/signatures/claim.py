"""What a request says about its own origin, decoded strictly and not believed yet.

Strict means that one value has one spelling. Upper-case hex, base64 with white space or with stray bits in its last
character, `+1700000000` and Arabic digits are refused, although lenient decoders read them.
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
    """`content` are the signed bytes, in pieces so that a body is not copied. One of `hmacs` or of `ed25519` has to
    prove them. `signed_at` is the signed time, where the scheme has one. `shown` is the secret itself, where a sender
    signs nothing and shows that instead: it proves who knows it, and nothing about the bytes."""

    content: tuple[bytes, ...]
    hmacs: tuple[bytes, ...]
    algorithm: Literal["sha256", "sha1"] = "sha256"
    ed25519: tuple[bytes, ...] = ()
    signed_at: datetime | None = None
    shown: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifier:
    """One scheme: how a request's claim is read (raises SignatureRefused), how a configured secret becomes the keys
    to try (raises UnusableSecret), and which headers may not be repeated, because identity and topic are read from
    them afterwards."""

    claim: Callable[[SignedRequest], Claim]
    keys: Callable[[str], tuple[Key, ...]]
    once: tuple[bytes, ...] = ()


def text_key(secret: str) -> tuple[Key, ...]:
    """The secret's own characters in UTF-8. Raises UnusableSecret."""
    if not secret:
        raise UnusableSecret("the webhook secret is empty")
    try:
        return (secret.encode(),)
    except UnicodeEncodeError:
        raise UnusableSecret("the webhook secret is not text in UTF-8") from None


def hex_digest(text: bytes, size: int) -> bytes | None:
    """`size` bytes from lower-case hexadecimal, or None."""
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        return None
    return bytes.fromhex(text.decode("ascii"))


def base64_digest(text: bytes, size: int) -> bytes | None:
    """`size` bytes from base64 (RFC 4648, section 4) in its canonical spelling (section 3.5), or None."""
    try:
        digest = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    if len(digest) != size or binascii.b2a_base64(digest, newline=False) != text:
        return None
    return digest


def believable(digest: bytes | None) -> bytes:
    """The decoded digest. Raises SignatureRefused without one."""
    if digest is None:
        raise SignatureRefused("malformed")
    return digest


def unix_seconds(text: bytes) -> datetime:
    """Whole seconds since 1970. Raises SignatureRefused for anything else, fractions too."""
    if not _SECONDS.fullmatch(text):
        raise SignatureRefused("malformed")
    return datetime.fromtimestamp(int(text), UTC)


def unix_milliseconds(text: bytes) -> datetime:
    """Milliseconds since 1970 in exactly 13 digits, which hold until 2286. Raises SignatureRefused."""
    if not _MILLISECONDS.fullmatch(text):
        raise SignatureRefused("malformed")
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def instant(text: bytes) -> datetime:
    """A date and time of RFC 3339 with its zone. Raises SignatureRefused."""
    if not _INSTANT.fullmatch(text):
        raise SignatureRefused("malformed")
    try:
        return datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        raise SignatureRefused("malformed") from None
