"""When each connection was set up here: what its vendor reports of earlier times is no news."""

from collections.abc import Iterable
from datetime import datetime

from app.postgres.database import Database, Statement

NOTE = Statement(
    "INSERT connection_setup",
    "INSERT INTO connection_setup (connection) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
)
SELECT = Statement("SELECT connection_setup", "SELECT connection, set_up_at FROM connection_setup")


class PostgresSetupTimes:
    """The times at which connections were set up. They never change, so each is read once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, datetime] = {}

    async def note(self, connections: Iterable[str]) -> None:
        """Record that these connections are configured now, unless they were before. Raises StoreUnavailable."""
        await self._database.execute(NOTE, sorted(connections))

    async def of(self, connection: str) -> datetime:
        """Return when a connection was set up: now, for one that was not noted. Raises StoreUnavailable."""
        if connection not in self._known:
            await self.note([connection])
            self._known = {row["connection"]: row["set_up_at"] for row in await self._database.fetch(SELECT)}
        return self._known[connection]
