"""The tokens of a connection that this process knows: what a version holds, and when it is due."""

import random
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from app.credentials.models import Version
from app.credentials.secrets import NoSecret
from app.credentials.vault import Vault
from mappings.tokens import Grant, Issued

# Tokens are renewed in the last fifth of their life, at most five minutes before its end.
SHARE: Final = 0.2
EARLIEST: Final = 300.0
NEVER: Final = 1e12


SUFFIX: Final = ".tokens"


class NeedsAuthorization(NoSecret):
    """The connection has no usable tokens, and only an operator can change that."""


class TokenSet(Struct, frozen=True, kw_only=True):
    """What a version holds. `requested` are the scopes that were requested; `granted` those that the vendor granted."""

    access_token: str = ""
    refresh_token: str | None = None
    requested: tuple[str, ...] = ()
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


class StoredTokens(Struct, frozen=True, kw_only=True):
    """The current version in this process. Times are in Unix seconds."""

    version: Version
    header: tuple[str, str]
    tokens: TokenSet
    renew_at: float
    ends_at: float

    def __repr__(self) -> str:
        return f"StoredTokens({self.version!r})"

    @property
    def number(self) -> int:
        return self.version.number


def read_tokens(version: Version, grant: Grant) -> StoredTokens:
    """Read a version. Each process gets another time to renew it, so that they do not begin together."""
    tokens = msgspec.json.decode(version.payload, type=TokenSet)
    header = (grant.header, grant.template.format(token=tokens.access_token))
    if version.expires_at is None:
        return StoredTokens(version=version, header=header, tokens=tokens, renew_at=NEVER, ends_at=NEVER)
    ends_at = version.expires_at.timestamp()
    early = min(EARLIEST, SHARE * max(0.0, ends_at - version.created_at.timestamp()))
    early *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return StoredTokens(version=version, header=header, tokens=tokens, renew_at=ends_at - early, ends_at=ends_at)


def payload_of(
    issued: Issued, old: TokenSet, began: datetime, grant: Grant, needed: tuple[str, ...]
) -> tuple[bytes, datetime | None]:
    """Return what to store, and when it ends.

    A reply without a refresh token keeps the old one; one without scopes grants all that were asked for (RFC 6749,
    sections 5.1 and 6).
    """
    requested = old.requested or needed
    granted = issued.scopes if issued.scopes is not None else old.granted or requested
    lifetime = issued.expires_in if issued.expires_in is not None else grant.lifetime
    tokens = TokenSet(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token or old.refresh_token,
        requested=requested,
        granted=tuple(sorted(granted)),
    )
    ends_at = None if lifetime is None else began + timedelta(seconds=max(0.0, lifetime))
    return msgspec.json.encode(tokens), ends_at


class CurrentTokens:
    """The current tokens of one connection in the vault."""

    def __init__(self, connection: str, grant: Grant, vault: Vault) -> None:
        self.connection = connection
        self.name = f"{connection}{SUFFIX}"
        self.grant = grant
        self.vault = vault
        self._latest: StoredTokens | None = None

    @property
    def stored(self) -> StoredTokens | None:
        """The current version, or None."""
        version = self.vault.current(self.name)
        if version is None:
            return None
        if self._latest is None or self._latest.version is not version:
            self._latest = read_tokens(version, self.grant)
        return self._latest

    @property
    def version(self) -> int | None:
        """The number of the current version."""
        stored = self.stored
        return None if stored is None else stored.number

    @property
    def refused(self) -> str | None:
        """Why a person must authorise the connection, or None."""
        credential = self.vault.get(self.name)
        if credential is not None and credential.refused_at is not None:
            return credential.refused_why
        if not self.grant.needs_person or (credential is not None and credential.current is not None):
            return None
        return "it was not authorised yet" if credential is None else "its tokens were revoked, or cannot be read"

    def unauthorised(self) -> NeedsAuthorization:
        """Return the error that says what to do."""
        return NeedsAuthorization(
            f"{self.connection} needs authorization, because {self.refused}: lockstitch connect {self.connection}."
        )
