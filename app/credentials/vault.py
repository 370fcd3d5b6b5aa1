"""The credentials in memory: a read costs no query and no lock, and is at most about a second old.

While the database is down, the last known credentials apply.
"""

import asyncio
from collections.abc import Mapping

from app.credentials import statements as sql
from app.credentials.models import Credential, Version
from app.credentials.store import PostgresCredentials
from app.postgres.cached_table import CachedTable


class Vault(CachedTable):
    """The credentials as this process knows them. `revision` rises with each change that it notices."""

    what = "credentials"
    channel = sql.CHANNEL
    content = sql.SELECT_LIVE

    def __init__(self, store: PostgresCredentials) -> None:
        super().__init__()
        self.store = store
        self._known: Mapping[str, Credential] = {}
        self._changed = asyncio.Event()
        self.revision = 0

    def get(self, name: str) -> Credential | None:
        """Return a credential that has a live version."""
        return self._known.get(name)

    def current(self, name: str) -> Version | None:
        known = self._known.get(name)
        return None if known is None else known.current

    async def _read(self) -> None:
        read = await self.store.read(self._known)
        if read != self._known:
            self._known = read
            self.revision += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def newer(self, name: str, number: int, *, seconds: float) -> Version | None:
        """Return the current version once its number is above `number`. None if that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    changed, current = self._changed, self.current(name)
                    if current is not None and current.number > number:
                        return current
                    await changed.wait()
        except TimeoutError:
            return None
