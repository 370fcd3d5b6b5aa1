"""The Structs of credentials that Lockstitch keeps, and the refusals to change them."""

from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from app.errors import Complaint

CredentialKind = Literal["secret", "oauth", "session"]
"""`secret`: one text, `vault:NAME`. `oauth`: the token set of a grant. `session`: what a login returned."""
VersionState = Literal["next", "current", "previous", "revoked"]


class CredentialError(Complaint):
    """A credential cannot be changed so. The message says why, and holds no part of a secret."""


class NoCredential(CredentialError):
    """The vault has no credential with this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no credential named {name!r}: lockstitch secrets list.")


class VersionMoved(CredentialError):
    """Another process stored a newer version, or took the lease over. Nothing was written."""


class Version(Struct, frozen=True, kw_only=True):
    """One value of a credential: a secret in UTF-8, or what the kind defines. Its `repr` hides the value.

    `expires_at`: the end of the value itself. `accepted_until`: the end of the overlap of a `previous` one.
    `changed_at`: since when it has its state.
    """

    number: int
    state: VersionState
    payload: bytes
    expires_at: datetime | None
    accepted_until: datetime | None
    created_at: datetime
    changed_at: datetime

    def __repr__(self) -> str:
        return f"Version(number={self.number}, state={self.state!r})"


class Credential(Struct, frozen=True, kw_only=True):
    """A credential and its live versions.

    `sent_version`: the version whose refresh token was sent, while no reply is stored. `refused_at`: since when a
    person must authorise again; `refused_why` says why.
    """

    name: str
    kind: CredentialKind
    max_age: timedelta | None
    sent_version: int | None
    refused_at: datetime | None
    refused_why: str | None
    next: Version | None = None
    current: Version | None = None
    previous: Version | None = None

    @property
    def live(self) -> tuple[Version, ...]:
        """The versions that there are: current, previous, next."""
        return tuple(each for each in (self.current, self.previous, self.next) if each is not None)


class ListedVersion(Struct, frozen=True, kw_only=True):
    """One version without its value. `due_at`: when the current one reaches the maximum age of its credential."""

    name: str
    kind: CredentialKind
    version: int
    state: VersionState
    expires_at: datetime | None
    accepted_until: datetime | None
    created_at: datetime
    changed_at: datetime
    due_at: datetime | None
    last_used_at: datetime | None


class RefreshLease(Struct, frozen=True, kw_only=True):
    """The right to refresh a credential, until it expires in database time. `version` is the current one."""

    name: str
    token: Any
    version: int
