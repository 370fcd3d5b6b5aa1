"""A connection's credential, as one header."""

from base64 import b64encode
from collections.abc import Callable

from app.settings.file import ConnectionSettings, SettingsError
from mappings.spec import Auth


class Credential:
    """Holds the header, and never shows it in `repr` or a message."""

    __slots__ = ("_auth", "_read", "_settings", "header")

    def __init__(self, settings: ConnectionSettings, auth: Auth, read: Callable[[str], str]) -> None:
        """`read` resolves a reference to its secret. Raises SettingsError if a secret is missing or unusable."""
        self._settings = settings
        self._auth = auth
        self._read = read
        self.header = self._resolve()

    def __repr__(self) -> str:
        return f"Credential(connection={self._settings.name!r})"

    def renew(self) -> None:
        """Read the secrets again, because a file may have changed. Keep the old ones if that fails."""
        try:
            self.header = self._resolve()
        except SettingsError:
            return

    def renewed_since(self, used: tuple[str, str]) -> bool:
        """Return whether the credential differs from `used`, after reading it again if needed."""
        if self.header == used:
            self.renew()
        return self.header != used

    def _resolve(self) -> tuple[str, str]:
        name, wanted = self._settings.name, self._auth.secrets
        if missing := [secret for secret in wanted if secret not in self._settings.credentials]:
            raise SettingsError(f"[connections.{name}] credentials lacks {', '.join(missing)}.")
        secrets = {secret: self._read(self._settings.credentials[secret]) for secret in wanted}
        value = self._auth.template.format_map(secrets)
        if self._auth.basic:
            value = f"Basic {b64encode(value.encode()).decode()}"  # RFC 7617, section 2.1: UTF-8
        if not value.isascii() or not value.isprintable():
            raise SettingsError(
                f"[connections.{name}] a credential contains a character that is not allowed in an HTTP header."
            )
        return self._auth.header, value
