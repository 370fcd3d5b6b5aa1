"""Operations whose `begin` failed in an outage and may have been committed: nothing was sent.

Such a row would keep its key until its lease ends, though no one works on it. So its process releases it as soon as the
database answers; then a retry or a worker executes it.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app.errors import StoreUnavailable
from app.postgres.database import Database, NamedStatement
from app.writes.models import NewOperation
from app.writes.store import statements as sql
from app.writes.store.rows import released_entry

PAUSE_SECONDS: Final = 0.5
ROUNDS: Final = 4
"""How often a row is looked for: its commit may still be under way at the server."""
MOST: Final = 10_000
_log = logging.getLogger("lockstitch.write")


class _Unsure(Struct):
    arguments: Sequence[object]
    rounds: int = 0


class UnsureBegins:
    """Releases them in one background task, which runs while there are any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, _Unsure] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, new: NewOperation, token: str) -> None:
        """Release this operation if it was begun with the token."""
        query: NamedStatement = sql.POSTPONE
        values = {"id": new.id, "token": token, "seconds": 0.0, "sent": False, "absent": False, **released_entry(new)}
        if len(self._waiting) < MOST:
            self._waiting[new.id] = _Unsure(query.arguments(values))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._release())

    async def _release(self) -> None:
        _log.warning("writes that may have been recorded but were not sent are released when the database answers")
        while self._waiting:
            try:
                for operation_id, unsure in list(self._waiting.items()):
                    unsure.rounds += await self._database.execute(sql.POSTPONE, *unsure.arguments) * ROUNDS + 1
                    if unsure.rounds >= ROUNDS:
                        del self._waiting[operation_id]
            except StoreUnavailable:
                pass  # of all rows
            await asyncio.sleep(PAUSE_SECONDS)
