"""What a verifier is given, and the one way in which it says no."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from mappings.webhooks import Scheme

__all__ = [
    "MAX_SIGNATURES",
    "Headers",
    "Reason",
    "Scheme",
    "Secret",
    "SignatureRefused",
    "SignedRequest",
    "UnusableSecret",
    "optional",
    "required",
    "values",
]

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values as the server received them, in any case, repeated ones included."""

Reason = Literal["missing", "duplicate", "malformed", "mismatch", "stale", "no-secret"]

MAX_SIGNATURES: Final = 32
"""Signatures that one request may bring where the scheme allows a list. Senders use one for each live secret, two or
three; each costs a comparison, and an ed25519 one a verification, so the list is bounded."""


class SignatureRefused(Exception):
    """The request is not proven to come from the vendor; the answer is 401 without detail.

    `reason` is for counters: `missing` a header, `duplicate` one that must stand once, `malformed` encoding,
    `mismatch` no secret made this signature, `stale` it did, but too far from now, `no-secret` none is valid now.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """One webhook as it came in.

    `url` is the public one, as the vendor has it configured: `LOCKSTITCH_PUBLIC_URL`, the path and, if there is one,
    `?` and the raw query. It is never made of Host or X-Forwarded-* headers, which the sender chooses.
    `body` is what came over the wire, before any decoding.
    """

    method: str
    url: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """One secret that a sender may sign with, in the form in which the vendor shows it.

    It counts from `not_before` (included) until `not_after` (excluded), both with a time zone; None is open. Rotation
    is two secrets whose times overlap. Raises ValueError for a time without zone.
    """

    value: str = field(repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        if any(edge is not None and edge.utcoffset() is None for edge in (self.not_before, self.not_after)):
            raise ValueError("the validity of a secret needs times with a zone")

    def valid_at(self, now: datetime) -> bool:
        """Whether it counts at that moment."""
        if self.not_before is not None and now < self.not_before:
            return False
        return self.not_after is None or now < self.not_after


class UnusableSecret(ValueError):
    """A secret is not of the form that its scheme needs. The message says which form, and never holds the secret."""


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Every value under a name, which is given in lower case."""
    size = len(name)
    return [value for key, value in headers if len(key) == size and key.lower() == name]


def optional(headers: Headers, name: bytes) -> bytes | None:
    """The one value under a name, or None. Raises SignatureRefused where it stands more than once: which one another
    party on the way has read is not known."""
    found = values(headers, name)
    if len(found) > 1:
        raise SignatureRefused("duplicate")
    return found[0] if found else None


def required(headers: Headers, name: bytes) -> bytes:
    """The one value under a name. Raises SignatureRefused where it is missing, empty or repeated."""
    value = optional(headers, name)
    if not value:
        raise SignatureRefused("missing")
    return value
