"""Resolve references to secrets: `env:NAME`, `file:/path`, `vault:NAME`, and those of providers, such as `aws:NAME`.

The vault may change a secret while the process runs. Its `revision` rises with each possible change. After that, read
the value again.
"""

import asyncio
import hmac
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from app.credentials.last_use import LastUse
from app.credentials.vault import Vault
from app.errors import StoreUnavailable
from app.settings.connections import WebhookSecretSettings
from app.settings.reading import SettingsError, fetch_secret, provider_of, resolve_secret
from app.signatures import Secret

VAULT: Final = "vault:"
_DIGEST_KEY: Final = os.urandom(32)


class NoSecret(SettingsError):
    """The vault holds no current secret of this name. One can be set while processes run."""


class Secrets:
    """Reads secrets from `environment`, files and the `vault`. `uses` records which were last used when."""

    def __init__(self, environment: Mapping[str, str], vault: Vault | None = None, uses: LastUse | None = None) -> None:
        self._environment = environment
        self._fetched: dict[str, str] = {}
        self.vault = vault
        self.note_use: Callable[[str, str], None] = _note_nothing if uses is None else uses.note
        """Record that a secret was used now for a part."""

    def read(self, reference: str) -> str:
        """Return the present secret; that of a provider as it was when last fetched. The first fetch blocks.

        Raises SettingsError, which names the reference; NoSecret for the vault.
        """
        if provider_of(reference) is not None:
            if reference not in self._fetched:
                self._fetched[reference] = fetch_secret(reference)
            return self._fetched[reference]
        if not reference.startswith(VAULT):
            return resolve_secret(reference, self._environment)
        name = reference.removeprefix(VAULT)
        credential = None if self.vault is None else self.vault.get(name)
        if credential is None or credential.current is None:
            raise NoSecret(f"{reference} holds no secret: lockstitch secrets set {name}.")
        if credential.kind != "secret":
            raise NoSecret(f"{reference} is a credential of kind {credential.kind}, not a secret.")
        return credential.current.payload.decode()

    def accepted(self, setting: WebhookSecretSettings) -> Sequence[tuple[Secret, str]]:
        """Return the secrets with which a vendor may sign, each with its name for `note_use`.

        Of the vault: the current and the next one, and the previous one until its overlap ends. Raises SettingsError
        for other references.
        """
        if not setting.secret.startswith(VAULT):
            secret = Secret(value=self.read(setting.secret), not_before=setting.not_before, not_after=setting.not_after)
            return ((secret, setting.secret),)
        credential = None if self.vault is None else self.vault.get(setting.secret.removeprefix(VAULT))
        if credential is None or credential.kind != "secret":
            return ()
        return tuple(
            (
                Secret(
                    value=version.payload.decode(),
                    not_before=setting.not_before,
                    not_after=_earlier(setting.not_after, version.accepted_until),
                ),
                f"{setting.secret}#{version.number}",
            )
            for version in credential.live
            if version.state != "previous" or version.accepted_until is not None
        )

    def named(self, reference: str) -> str:
        """Return the name of the present secret for `note_use`: with the number of its version in the vault."""
        current = None
        if self.vault is not None and reference.startswith(VAULT):
            current = self.vault.current(reference.removeprefix(VAULT))
        return reference if current is None else f"{reference}#{current.number}"

    async def refresh(self) -> None:
        """Read the vault now. Keeps what is known while the database is down."""
        if self.vault is not None:
            with suppress(StoreUnavailable):
                await self.vault.refresh()

    async def read_again(self, references: Iterable[str]) -> None:
        """Read the vault and the providers of these again. Keeps what is known where that fails."""
        references = set(references)
        if any(reference.startswith(VAULT) for reference in references):
            await self.refresh()
        for reference in references & self._fetched.keys():
            with suppress(SettingsError):
                self._fetched[reference] = await asyncio.to_thread(fetch_secret, reference)

    def twins(self, references: Iterable[str]) -> Sequence[Sequence[str]]:
        """Return the groups of references that lead to one secret. Compares keyed digests; skips the unresolved."""
        by_digest: dict[bytes, list[str]] = defaultdict(list)
        for reference in sorted(set(references)):
            with suppress(SettingsError):
                by_digest[hmac.digest(_DIGEST_KEY, self.read(reference).encode(), "sha256")].append(reference)
        return [group for group in by_digest.values() if len(group) > 1]


def _note_nothing(name: str, part: str) -> None:
    """Take the place of `LastUse.note` where uses are not recorded."""


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((edge for edge in (one, other) if edge is not None), default=None)
