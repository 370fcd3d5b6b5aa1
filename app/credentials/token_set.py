"""What a version of a connection's tokens holds, and when it is due."""

import random
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from app.credentials.models import Version
from mappings.tokens import Grant, Issued

# Tokens are renewed in the last fifth of their life, at most five minutes before its end.
SHARE: Final = 0.2
EARLIEST: Final = 300.0
NEVER: Final = 1e12


class TokenSet(Struct, frozen=True, kw_only=True):
    """What a version holds. `asked` are the scopes that were asked for; `granted` those that the vendor granted."""

    access_token: str = ""
    refresh_token: str | None = None
    asked: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "TokenSet(…)"


class ScopeState(Struct, frozen=True, kw_only=True):
    """The scopes of a connection. `needed`: by its objects and verbs. `granted` is null before the authorisation."""

    needed: tuple[str, ...]
    """The least scopes that the enabled objects and verbs need. Example: `["read_orders"]`"""
    granted: tuple[str, ...] | None
    """The scopes that the vendor granted; null before the first authorisation. Example: `["read_orders"]`"""
    missing: tuple[str, ...]
    """The needed scopes that were not granted. Example: `[]`"""


class HeldTokens(Struct, frozen=True, kw_only=True):
    """The current version in this process. Times are in Unix seconds."""

    version: Version
    header: tuple[str, str]
    tokens: TokenSet
    renew_at: float
    ends_at: float

    def __repr__(self) -> str:
        return f"HeldTokens({self.version!r})"

    @property
    def number(self) -> int:
        return self.version.number


def hold(version: Version, grant: Grant) -> HeldTokens:
    """Read a version. Each process gets another time to renew it, so that they do not begin together."""
    tokens = msgspec.json.decode(version.payload, type=TokenSet)
    header = (grant.header, grant.template.format(token=tokens.access_token))
    if version.expires_at is None:
        return HeldTokens(version=version, header=header, tokens=tokens, renew_at=NEVER, ends_at=NEVER)
    ends_at = version.expires_at.timestamp()
    early = min(EARLIEST, SHARE * max(0.0, ends_at - version.created_at.timestamp()))
    early *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return HeldTokens(version=version, header=header, tokens=tokens, renew_at=ends_at - early, ends_at=ends_at)


def payload_of(
    issued: Issued, old: TokenSet, began: datetime, grant: Grant, needed: tuple[str, ...]
) -> tuple[bytes, datetime | None]:
    """Return what to store, and when it ends.

    A reply without a refresh token keeps the old one; one without scopes grants all that were asked for (RFC 6749,
    sections 5.1 and 6).
    """
    asked = old.asked or needed
    granted = issued.scopes if issued.scopes is not None else old.granted or asked
    lifetime = issued.expires_in if issued.expires_in is not None else grant.lifetime
    tokens = TokenSet(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token or old.refresh_token,
        asked=asked,
        granted=tuple(sorted(granted)),
    )
    ends_at = None if lifetime is None else began + timedelta(seconds=max(0.0, lifetime))
    return msgspec.json.encode(tokens), ends_at
