"""A signed request: its headers and its signature, read strictly and not yet verified.

Strict: each value has exactly one accepted spelling. Upper-case hex, base64 with white space or stray bits in its last
character, `+1700000000` and Arabic digits are refused, although lenient decoders accept them.
"""

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mappings.webhooks import Signature

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values as the server received them, in any letter case, repeated ones included."""

Reason = Literal["missing", "duplicate", "malformed", "mismatch", "inactive", "stale", "no-secret"]

MAX_SIGNATURES: Final = 32
"""The limit of signatures in one request, where the scheme allows a list. Senders use one per live secret, so two or
three. Each costs a comparison, or a verification for ed25519, so the list is bounded."""

Key = bytes | Ed25519PublicKey

_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_HEX: Final = re.compile(rb"(?:[0-9a-f]{2})+")
_SIZES: Final = {"sha256": 32, "sha1": 20, "sha512": 64}
_SECONDS: Final = re.compile(rb"[1-9][0-9]{0,10}")
_MILLISECONDS: Final = re.compile(rb"[1-9][0-9]{12}")
_INSTANT: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


class SignatureRefused(Exception):
    """The signature is invalid. The answer is 401 without detail.

    `reason` is for metrics: `missing` a header, `duplicate` header, `malformed` encoding, `mismatch` with every secret,
    `inactive` matches a secret that is not valid at this time, `stale` a valid signature with a time too far from now,
    `no-secret` valid at this time.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """One webhook request as received.

    `url` is the public URL configured at the vendor: `LOCKSTITCH_PUBLIC_URL`, the path and, if there is one, `?` and
    the raw query. It never uses Host or X-Forwarded-* headers, which the sender controls. `body` is the raw body,
    before any decoding.
    """

    method: str
    url: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """One secret that a sender may sign with, in the form that the vendor displays.

    It is valid from `not_before` (inclusive) until `not_after` (exclusive), both with a time zone; None is unbounded.
    To rotate, configure two secrets with overlapping times. Raises ValueError for a time without a zone.
    """

    value: str = field(repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        if any(edge is not None and edge.utcoffset() is None for edge in (self.not_before, self.not_after)):
            raise ValueError("not_before and not_after of a secret need a time zone")

    def valid_at(self, now: datetime) -> bool:
        """Return whether the secret is valid at `now`."""
        if self.not_before is not None and now < self.not_before:
            return False
        return self.not_after is None or now < self.not_after


class UnusableSecret(ValueError):
    """A secret does not have the form that its scheme needs. The message names the form and never the secret."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An unverified signature.

    `content` holds the signed bytes, in pieces so that the body is not copied. One of `hmacs` or `ed25519` must match
    them. `signed_at` is the signed time, where the scheme has one. `secret` is the secret itself, where the sender
    sends it instead of a signature; it authenticates the sender but not the bytes.
    """

    content: tuple[bytes, ...]
    hmacs: tuple[bytes, ...]
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    ed25519: tuple[bytes, ...] = ()
    signed_at: datetime | None = None
    secret: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifier:
    """How to verify one kind of signature.

    `claim` reads the signature of a request and raises SignatureRefused. `keys` turns a configured secret into the keys
    to try and raises UnusableSecret. `tolerance` is the greatest difference of a signed time from now, in seconds.
    """

    claim: Callable[[SignedRequest], Claim]
    keys: Callable[[str], tuple[Key, ...]]
    tolerance: float = 300.0


def verifier_of(signature: Signature) -> Verifier:
    """Return the verifier of a signature that a vendor declares."""
    return Verifier(
        claim=partial(_claim, signature),
        keys=lambda secret: tuple(map(text_key, signature.keys(secret))),
        tolerance=signature.tolerance,
    )


def _claim(signature: Signature, request: SignedRequest) -> Claim:
    value = required(request.headers, signature.header.encode())
    time = required(request.headers, signature.time.encode()) if signature.time else b""
    if signature.pairs is None:
        digests: tuple[bytes, ...] = (believable(_digest(signature, value)),)
    else:
        time, digests = _of_pairs(signature, signature.pairs, value)
    content = [time if part == "time" else _part(signature, part, request) for part in signature.signed]
    signed_at = _CLOCKS[signature.clock](time) if "time" in signature.signed else None
    return Claim(content=tuple(content), hmacs=digests, algorithm=signature.algorithm, signed_at=signed_at)


def _part(signature: Signature, part: str, request: SignedRequest) -> bytes:
    match part:
        case "body":
            return request.body
        case "method":
            return believable(request.method.encode() if _METHOD.fullmatch(request.method) else None)
        case "url":
            url = signature.url(request.url)
            return believable(None if url is None else url.encode())
        case _:
            return part.encode()


def _digest(signature: Signature, text: bytes) -> bytes | None:
    label = signature.label.encode()
    if not text.startswith(label):
        return None
    decode = base64_digest if signature.encoding == "base64" else hex_digest
    return decode(text.removeprefix(label), _SIZES[signature.algorithm])


def _of_pairs(signature: Signature, names: tuple[str, str], value: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the time and the digests of a list such as `t=…,v1=…`. Senders name one digest for each live secret."""
    pairs = [item.partition(b"=")[::2] for item in value.split(b",")]
    if len(pairs) > MAX_SIGNATURES:
        raise SignatureRefused("malformed")
    of_time, of_digest = (name.encode() for name in names)
    times = [text for name, text in pairs if name == of_time]
    if len(times) > 1:
        raise SignatureRefused("duplicate")
    read = [_digest(signature, text) for name, text in pairs if name == of_digest]
    digests = tuple(digest for digest in read if digest is not None)
    if not times or not digests:
        raise SignatureRefused("malformed")
    return times[0], digests


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Return every value of a header. `name` is in lower case."""
    size = len(name)
    return [value for key, value in headers if len(key) == size and key.lower() == name]


def optional(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of a header, or None.

    Raises SignatureRefused if it is repeated, because a proxy may have read another one of its values.
    """
    texts = values(headers, name)
    if len(texts) > 1:
        raise SignatureRefused("duplicate")
    return texts[0] if texts else None


def required(headers: Headers, name: bytes) -> bytes:
    """Return the value of a header. Raises SignatureRefused if it is missing, empty or repeated."""
    value = optional(headers, name)
    if not value:
        raise SignatureRefused("missing")
    return value


def text_key(secret: str) -> bytes:
    """Return the secret's characters in UTF-8 as the key. Raises UnusableSecret."""
    if not secret:
        raise UnusableSecret("the webhook secret is empty")
    try:
        return secret.encode()
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


_CLOCKS: Final[Mapping[str, Callable[[bytes], datetime]]] = {
    "seconds": unix_seconds,
    "milliseconds": unix_milliseconds,
    "rfc3339": instant,
}
