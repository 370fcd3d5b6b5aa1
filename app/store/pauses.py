"""Pauses as one process knows them: kept in the table `lane`, read into memory; no request waits for the database."""

import asyncio
import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from app.dead_letter_ports import Announcer
from app.errors import StoreUnavailable
from app.lane_ports import Pause
from app.store import lanes
from app.store.database import Database, Query
from app.store.wakeups import listen

POLL_SECONDS: Final = 0.9
_log = logging.getLogger("lockstitch.store")

SELECT = Query(
    "SELECT lane",
    """
    SELECT connection, blocked_reason AS reason, blocked_note AS note, blocked_at AS since,
           blocked_until = 'infinity' AS held
      FROM lane
     WHERE blocked_reason IN ('auth', 'operator')
    """,
)


class PostgresPauses:
    """`lane_ports.Pauses` on PostgreSQL. While the database is away, what was known last holds."""

    def __init__(self, database: Database, announcer: Announcer | None = None) -> None:
        self._database = database
        self._announcer = announcer
        self._known: Mapping[str, Pause] = {}
        self._refusals = 0
        self._changed = asyncio.Event()
        self._looked = asyncio.Event()

    def of(self, connection: str) -> Pause | None:
        """What stops this connection, if anything does."""
        return self._known.get(connection)

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
        self._known = {row["connection"]: msgspec.convert(dict(row), Pause) for row in rows}

    async def watch(self, url: str) -> None:
        """Follow the table until cancelled: on each notification, and by polling where one is lost."""
        listening = asyncio.create_task(listen(url, self._changed.set, lanes.PAUSES_CHANNEL))
        failed = False
        try:
            while True:
                self._changed.clear()
                failed = await self._look(failed)
                self._looked.set()
                await self._sleep(POLL_SECONDS * random.uniform(0.7, 1.1))  # noqa: S311 - spreads load
        finally:
            listening.cancel()

    async def _look(self, failed: bool) -> bool:
        """Whether it failed; said once, when it begins to."""
        try:
            await self.refresh()
        except StoreUnavailable:
            if not failed:
                _log.warning("the database is not available; pauses of connections stay as they were")
            return True
        except Exception:  # noqa: BLE001 - such as a schema that is not there yet
            if not failed:
                _log.exception("pauses of connections cannot be read; trying again")
            return True
        return False

    async def first_look(self) -> None:
        """Wait until `watch` has read the table, or has tried to."""
        await self._looked.wait()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
