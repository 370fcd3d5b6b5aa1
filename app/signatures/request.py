"""The input of a verifier, and the exception with which it refuses a request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values as the server received them, in any letter case, repeated ones included."""

Reason = Literal["missing", "duplicate", "malformed", "mismatch", "inactive", "stale", "no-secret"]

MAX_SIGNATURES: Final = 32
"""The limit of signatures in one request, where the scheme allows a list. Senders use one per live secret, so two or
three. Each costs a comparison, or a verification for ed25519, so the list is bounded."""


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
