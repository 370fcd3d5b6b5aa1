"""Pauses of connections: stored in `lane`, cached in memory. No request waits for the database."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import msgspec

from app.errors import StoreUnavailable
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement
from app.queue import lanes
from app.queue.models import Announcer, Pause

SELECT = Statement(
    "SELECT lane",
    """
    SELECT connection, blocked_reason AS reason, blocked_note AS note, blocked_at AS since,
           blocked_until = 'infinity' AS held, resumed_at
      FROM lane
     WHERE blocked_reason IN ('auth', 'operator') OR resumed_at IS NOT NULL
    """,
)


class PostgresPauses:
    """The pauses of the installation, in memory, at most about a second old. While the database is down, the last known
    pauses apply."""

    def __init__(self, database: Database, announcer: Announcer | None = None) -> None:
        self._database = database
        self._announcer = announcer
        self._known: Mapping[str, Pause] = {}
        self._resumed: Mapping[str, datetime | None] = {}
        self._refusals = 0

    def of(self, connection: str) -> Pause | None:
        """Return the pause of this connection, or None."""
        return self._known.get(connection)

    def resumed(self, connection: str) -> datetime | None:
        """Return when an operator last resumed this connection."""
        return self._resumed.get(connection)

    async def refuse(self, connection: str, reason: str) -> bool:
        """Pause the connection in all processes, once. False if that could not be stored."""
        known = self._known.get(connection)
        if known is not None and known.held:
            return True
        try:
            async with self._database.transaction() as session:
                await lanes.refuse(session, connection, reason, self._announcer)
        except StoreUnavailable:
            return False
        self._refusals += 1  # a refresh in progress may not have read it
        pause = Pause(reason="auth", note=reason, since=datetime.now(UTC), held=True)
        self._known = {**self._known, connection: pause}
        return True

    async def credential_accepted(self, connection: str) -> None:
        """End the pause, because the vendor accepted the credential."""
        try:
            async with self._database.transaction() as session:
                await lanes.credential_accepted(session, connection)
            await self.refresh()
        except StoreUnavailable:
            return  # the next success retries

    async def refresh(self) -> None:
        """Read the pauses. Raises StoreUnavailable."""
        refusals = -1
        while refusals != self._refusals:
            refusals = self._refusals
            rows = await self._database.fetch(SELECT)
        self._resumed = {row["connection"]: row["resumed_at"] for row in rows}
        self._known = {
            row["connection"]: msgspec.convert(dict(row), Pause)
            for row in rows
            if row["reason"] in ("auth", "operator")
        }

    def refreshing(self, url: str) -> AbstractAsyncContextManager[None]:
        """Keep the cache current during the block."""
        return CachedTable(self.refresh, lanes.PAUSES_CHANNEL, "pauses of connections").refreshing(url)
