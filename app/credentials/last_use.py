"""When each API key and each credential was last used, and for what: kept in memory, written twice a minute."""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from app.periodic import repeating
from app.postgres.database import Database, Statement

FLUSH_SECONDS: Final = 30.0
MOST_NAMES: Final = 10_000

UPSERT: Final = Statement(
    "INSERT last_use",
    """
    INSERT INTO last_use (subject, part, used_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS used (subject, part, used_at)
     ORDER BY subject, part
        ON CONFLICT (subject, part) DO UPDATE SET used_at = greatest(last_use.used_at, excluded.used_at)
    """,
)

SELECT: Final = Statement("SELECT last_use", "SELECT subject, part, used_at FROM last_use ORDER BY subject, part")


class NotedUse(Struct, frozen=True, kw_only=True):
    """The last use of `subject`: an API key's id, or a reference to a secret. `part` is a scope of the key, or what the
    secret was used for (`crm read`)."""

    subject: str
    part: str
    used_at: datetime


class LastUse:
    """The uses of this process since the last flush. Noting one costs no query and no lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uses: dict[tuple[str, str], float] = {}

    def note(self, subject: str, *parts: str) -> None:
        """Record a use now."""
        if len(self._uses) < MOST_NAMES:
            now = time.time()
            for part in parts:
                self._uses[subject, part] = now

    async def flush(self) -> None:
        """Write what was noted. Raises StoreUnavailable; then it is written next time."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._database.execute(
                UPSERT,
                [subject for subject, _ in uses],
                [part for _, part in uses],
                [datetime.fromtimestamp(at, UTC) for at in uses.values()],
            )
        except BaseException:
            self._uses = {**uses, **self._uses}
            raise

    def running(self) -> AbstractAsyncContextManager[None]:
        """Flush regularly during the block, and at its end."""
        return repeating("last uses", FLUSH_SECONDS, self.flush)


async def last_uses(database: Database) -> Sequence[NotedUse]:
    """Return all recorded uses."""
    return [msgspec.convert(dict(row), NotedUse) for row in await database.fetch(SELECT)]
