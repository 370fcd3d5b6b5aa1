"""Small tables that every process caches in memory, so that no request waits for the database.

A cached table is reloaded on each notification, and polled in case one is lost. While the database is unavailable, the
last known content stays.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from app.errors import StoreUnavailable
from app.postgres.listen import Listener

POLL_SECONDS: Final = 0.9
_log = logging.getLogger("lockstitch.store")


class CachedTable:
    """Calls `refresh` whenever the table may have changed. `what` is its name in the log, in the plural."""

    def __init__(self, refresh: Callable[[], Awaitable[None]], channel: str, what: str) -> None:
        self._refresh = refresh
        self._channel = channel
        self._what = what
        self._changed = asyncio.Event()
        self._polled = asyncio.Event()

    @asynccontextmanager
    async def refreshing(self, listener: Listener) -> AsyncIterator[None]:
        """Keep the cache fresh for the duration of the block. Loads it before the block begins."""
        watching = asyncio.create_task(self._watch(listener))
        try:
            await self._polled.wait()
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self, listener: Listener) -> None:
        listening = asyncio.create_task(listener.listen(self._changed.set, self._channel))
        failed = False
        try:
            while True:
                self._changed.clear()
                failed = await self._poll(failed)
                self._polled.set()
                await self._sleep(POLL_SECONDS * random.uniform(0.7, 1.1))  # noqa: S311 - spreads load
        finally:
            listening.cancel()

    async def _poll(self, failed: bool) -> bool:
        """Refresh and return whether that failed. Logs only the first failure of a series."""
        try:
            await self._refresh()
        except StoreUnavailable:
            if not failed:
                _log.warning("the database is unavailable; keeping the last known %s", self._what)
            return True
        except Exception:  # noqa: BLE001 - such as a schema that does not exist yet
            if not failed:
                _log.exception("cannot read %s; retrying", self._what)
            return True
        return False

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
