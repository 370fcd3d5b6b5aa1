"""Small tables that every process keeps in memory, so that no request waits for the database: read again on each
notification, and by polling where one is lost. While the database is away, what was known last holds."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from app.errors import StoreUnavailable
from app.postgres.listen import listen

POLL_SECONDS: Final = 0.9
_log = logging.getLogger("lockstitch.store")


class CachedTable:
    """Keeps something fresh by `refresh`. `what` names it in the log, in the plural."""

    def __init__(self, refresh: Callable[[], Awaitable[None]], channel: str, what: str) -> None:
        self._refresh = refresh
        self._channel = channel
        self._what = what
        self._changed = asyncio.Event()
        self._looked = asyncio.Event()

    @asynccontextmanager
    async def following(self, url: str) -> AsyncIterator[None]:
        """Fresh from the beginning of the block to its end."""
        watching = asyncio.create_task(self._watch(url))
        try:
            await self._looked.wait()
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self, url: str) -> None:
        listening = asyncio.create_task(listen(url, self._changed.set, self._channel))
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
            await self._refresh()
        except StoreUnavailable:
            if not failed:
                _log.warning("the database is not available; %s stay as they were", self._what)
            return True
        except Exception:  # noqa: BLE001 - such as a schema that is not there yet
            if not failed:
                _log.exception("%s cannot be read; trying again", self._what)
            return True
        return False

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
