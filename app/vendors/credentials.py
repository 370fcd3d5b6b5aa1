"""A connection's credential, as one header."""

import asyncio
import time
from base64 import b64encode
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from app.credentials.grants import grant_of, needed_scopes
from app.credentials.secrets import NoSecret, Secrets
from app.credentials.token_endpoint import TokenEndpoint
from app.credentials.token_set import SUFFIX
from app.credentials.tokens import Tokens
from app.egress.exchange import RequestSender
from app.settings.connections import ConnectionSettings
from app.settings.reading import SettingsError
from mappings.manifest import Auth, Vendor

LONGEST_NAME: Final = 63 - len(SUFFIX)
"""Of a connection whose tokens the vault keeps under its name."""
READABLE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.1


class CredentialHeader:
    """Holds the header, and never shows it in `repr` or a message. Follows the vault."""

    __slots__ = ("_auth", "_header", "_lacks", "_names", "_revision", "_secrets", "_settings", "_vault", "unreadable")

    def __init__(self, settings: ConnectionSettings, auth: Auth, secrets: Secrets) -> None:
        """A secret that the vault lacks may be set later. Raises SettingsError if another is missing or unusable."""
        self._settings = settings
        self._auth = auth
        self._secrets = secrets
        self._vault = secrets.vault
        self._lacks: NoSecret | None = None
        self.unreadable: str | None = None
        """Why the secrets could not be read again: a file that is being replaced, say."""
        self._read()

    def __repr__(self) -> str:
        return f"CredentialHeader(connection={self._settings.name!r})"

    @property
    def header(self) -> tuple[str, str]:
        """The header with the present secrets. Raises NoSecret if the vault lacks one."""
        if self._vault is not None and self._revision != self._vault.revision:
            self.renew()
        if self._lacks is not None:
            raise NoSecret(str(self._lacks))
        return self._header

    def renew(self) -> None:
        """Read the secrets again, because a file may have changed. Keep the old ones if that fails."""
        self.unreadable = None
        try:
            self._read()
        except SettingsError as error:
            self.unreadable = str(error)

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the secrets in use."""
        return () if self._lacks is not None else tuple(self._names)

    async def ready(self, deadline: float) -> None:
        """Read the vault again if it lacked a secret: one may have been set a moment ago."""
        if self._lacks is not None:
            await self._secrets.refresh()

    async def renewed_since(self, used: tuple[str, str], deadline: float) -> bool:
        """Return whether the credential differs from `used`, after reading it again if needed. Wait a moment for a file
        that cannot be read: it is being replaced."""
        with suppress(NoSecret):
            if self.header != used:
                return True
            await self._secrets.read_again(self._settings.credentials.values())
            self.renew()
            give_up = min(deadline, time.monotonic() + READABLE_SECONDS)
            while self.unreadable is not None and time.monotonic() < give_up:
                await asyncio.sleep(LOOK_SECONDS)
                self.renew()
            return self.header != used
        return False

    def note_use(self, part: str) -> None:
        """Record that the credential was used now."""
        for name in self._names:
            self._secrets.note_use(name, f"{self._settings.name} {part}")

    def _read(self) -> None:
        self._revision = 0 if self._vault is None else self._vault.revision
        try:
            self._header = self._resolve()
        except NoSecret as error:
            self._lacks = error
            return
        self._lacks = None
        self._names = [self._secrets.named(self._settings.credentials[secret]) for secret in self._auth.secrets]

    def _resolve(self) -> tuple[str, str]:
        name, wanted = self._settings.name, self._auth.secrets
        if missing := [secret for secret in wanted if secret not in self._settings.credentials]:
            raise SettingsError(f"[connections.{name}] credentials lacks {', '.join(missing)}.")
        secrets = {secret: self._secrets.read(self._settings.credentials[secret]) for secret in wanted}
        value = self._auth.template.format_map(secrets)
        if self._auth.basic:
            value = f"Basic {b64encode(value.encode()).decode()}"  # RFC 7617, section 2.1: UTF-8
        if not value.isascii() or not value.isprintable():
            raise SettingsError(
                f"[connections.{name}] a credential contains a character that is not allowed in an HTTP header."
            )
        return self._auth.header, value


ConnectionCredential: TypeAlias = CredentialHeader | Tokens


def credential_of(
    settings: ConnectionSettings, vendor: Vendor[Any], secrets: Secrets, wire: RequestSender
) -> ConnectionCredential:
    """Return the credential that the settings describe. Raises SettingsError."""
    grant = grant_of(settings, vendor)
    if grant is None:
        return CredentialHeader(settings, vendor.auth, secrets)
    if secrets.vault is None:
        raise SettingsError(f"[connections.{settings.name}] the tokens of a grant need the vault.")
    if len(settings.name) > LONGEST_NAME:
        raise SettingsError(f"[connections.{settings.name}] has a name of more than {LONGEST_NAME} characters.")

    def read_secrets() -> dict[str, str]:
        return {name: secrets.read(settings.credentials[name]) for name in grant.secrets}

    with suppress(NoSecret):  # it may be set later
        read_secrets()
    base_url = settings.base_url or vendor.default_base_url
    if base_url is None:
        raise SettingsError(
            f"[connections.{settings.name}] lacks base_url: each account at {vendor.title} has its own."
        )
    return Tokens(
        grant,
        TokenEndpoint(
            wire=wire, connection=settings.name, vendor=vendor.name, base_url=base_url, seconds=vendor.timeout_seconds
        ),
        secrets.vault,
        secrets.vault.store,
        read_secrets,
        partial(secrets.read_again, settings.credentials.values()),
        title=vendor.title,
        scopes=needed_scopes(settings, vendor, grant),
        missing=vendor.scopes.missing,
        note_use=secrets.note_use,
    )
