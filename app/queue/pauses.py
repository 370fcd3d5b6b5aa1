"""Pauses as one process knows them: kept in the table `lane`, read into memory; no request waits for the database."""

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
    """The pauses of the installation, from memory: at most about a second old, older while the database is down."""

    def __init__(self, database: Database, announcer: Announcer | None = None) -> None:
        self._database = database
        self._announcer = announcer
        self._known: Mapping[str, Pause] = {}
        self._resumed: Mapping[str, datetime | None] = {}
        self._refusals = 0

    def of(self, connection: str) -> Pause | None:
        """What stops this connection, if anything does."""
        return self._known.get(connection)

    def resumed(self, connection: str) -> datetime | None:
        """When a person has last resumed this connection."""
        return self._resumed.get(connection)

    async def refuse(self, connection: str, reason: str) -> bool:
        """Pause the connection everywhere, once. False when that could not be written down."""
        known = self._known.get(connection)
        if known is not None and known.held:
            return True
        try:
            async with self._database.transaction() as session:
                await lanes.refuse(session, connection, reason, self._announcer)
        except StoreUnavailable:
            return False
        self._refusals += 1  # whoever is reading the table at this moment may not have seen it
        pause = Pause(reason="auth", note=reason, since=datetime.now(UTC), held=True)
        self._known = {**self._known, connection: pause}
        return True

    async def prove(self, connection: str) -> None:
        """The vendor has accepted the credential: its pause is over."""
        try:
            async with self._database.transaction() as session:
                await lanes.prove(session, connection)
            await self.refresh()
        except StoreUnavailable:
            return  # the next success tells it again

    async def refresh(self) -> None:
        """Know what is true now. Raises StoreUnavailable."""
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

    def following(self, url: str) -> AbstractAsyncContextManager[None]:
        """Keep up with the table as long as the block."""
        return CachedTable(self.refresh, lanes.PAUSES_CHANNEL, "pauses of connections").following(url)
