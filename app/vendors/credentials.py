"""A connection's credential, as one header."""

from base64 import b64encode
from contextlib import suppress

from app.credentials.secrets import VAULT, NoSecret, Secrets
from app.settings.file import ConnectionSettings, SettingsError
from mappings.spec import Auth


class Credential:
    """Holds the header, and never shows it in `repr` or a message. Follows the vault."""

    __slots__ = ("_auth", "_header", "_lacks", "_names", "_revision", "_secrets", "_settings")

    def __init__(self, settings: ConnectionSettings, auth: Auth, secrets: Secrets) -> None:
        """A secret that the vault lacks may be set later. Raises SettingsError if another is missing or unusable."""
        self._settings = settings
        self._auth = auth
        self._secrets = secrets
        self._lacks: NoSecret | None = None
        self._read()

    def __repr__(self) -> str:
        return f"Credential(connection={self._settings.name!r})"

    @property
    def header(self) -> tuple[str, str]:
        """The header with the present secrets. Raises NoSecret if the vault lacks one."""
        if self._revision != self._secrets.revision:
            self.renew()
        if self._lacks is not None:
            raise NoSecret(str(self._lacks))
        return self._header

    def renew(self) -> None:
        """Read the secrets again, because a file may have changed. Keep the old ones if that fails."""
        with suppress(SettingsError):
            self._read()

    async def renewed_since(self, used: tuple[str, str]) -> bool:
        """Return whether the credential differs from `used`, after reading it again if needed."""
        with suppress(NoSecret):
            if self.header != used:
                return True
            if any(reference.startswith(VAULT) for reference in self._settings.credentials.values()):
                await self._secrets.refresh()
            self.renew()
            return self.header != used
        return False

    def note_use(self, part: str) -> None:
        """Record that the credential was used now."""
        for name in self._names:
            self._secrets.note_use(name, f"{self._settings.name} {part}")

    def _read(self) -> None:
        self._revision = self._secrets.revision
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
