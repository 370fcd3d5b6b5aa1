"""Small tables that every process caches in memory, so that no request waits for the database.

A table is read again on each notification. In case one is lost, one statement polls all tables of a process for
changes. While the database is unavailable, the last known content stays.
"""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final, Self

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.listen import Listener

POLL_SECONDS: Final = 0.9
# A table that is locked must not delay the others for as long as a statement may take.
LONGEST_POLL_SECONDS: Final = 2.0
_log = logging.getLogger("lockstitch.store")


class CachedTable(ABC):
    """A table in memory. `what` is its name in the log, in the plural. Changes notify `channel`, and change the result
    of `content`."""

    what: ClassVar[str]
    channel: ClassVar[str]
    content: ClassVar[Statement]

    def __init__(self) -> None:
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the table now. Raises StoreUnavailable."""
        async with self._reading:  # so that an older read never replaces a newer one
            await self._read()

    @abstractmethod
    async def _read(self) -> None:
        """Replace the content in memory."""


class CachedTables:
    """Keeps the cached tables of a process current."""

    def __init__(self, database: Database, listener: Listener) -> None:
        self._database = database
        self._listener = listener
        self._copies: list[_Copy] = []
        self._tasks = {asyncio.create_task(self._poll())}

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, listener: Listener) -> AsyncIterator[Self]:
        """Yield the tables, which are kept current until the end of the block."""
        tables = cls(database, listener)
        try:
            yield tables
        finally:
            for task in tables._tasks:
                task.cancel()
            await asyncio.wait(tables._tasks)

    async def keep(self, table: CachedTable) -> None:
        """Load a table, and keep it current from now on."""
        copy = _Copy(table)
        self._copies.append(copy)
        self._tasks.add(asyncio.create_task(copy.follow()))
        self._tasks.add(asyncio.create_task(self._listener.listen(copy.changed.set, table.channel)))
        await copy.loaded.wait()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS * random.uniform(0.7, 1.1))  # noqa: S311 - spreads load
            copies = tuple(self._copies)
            try:
                async with asyncio.timeout(LONGEST_POLL_SECONDS):
                    row = await self._database.fetch_row(_digests([copy.table.content for copy in copies]))
            except Exception:  # noqa: BLE001 - each table reports its own failure
                row = None
            for copy, digest in zip(copies, row or [None] * len(copies), strict=True):
                if digest is None or digest != copy.digest:
                    copy.digest = digest
                    copy.changed.set()


class _Copy:
    """A cached table, with the digest of its content when it was last polled. That has been read, or will be."""

    def __init__(self, table: CachedTable) -> None:
        self.table = table
        self.digest: int | None = None
        self.changed = asyncio.Event()
        self.loaded = asyncio.Event()

    async def follow(self) -> None:
        """Read the table, and again after each change. The first attempt sets `loaded`."""
        failed = False
        while True:
            self.changed.clear()
            failed = await self._load(failed)
            self.loaded.set()
            await self.changed.wait()

    async def _load(self, failed: bool) -> bool:
        """Read the table and return whether that failed. Logs only the first failure of a series."""
        try:
            await self.table.refresh()
        except StoreUnavailable:
            if not failed:
                _log.warning("the database is unavailable; keeping the last known %s", self.table.what)
        except Exception:  # noqa: BLE001 - such as a schema that does not exist yet
            if not failed:
                _log.exception("cannot read %s; retrying", self.table.what)
        else:
            return False
        self.digest = None  # the next poll retries
        return True


def _digests(contents: Sequence[Statement]) -> Statement:
    texts = (
        f"(SELECT hashtextextended(coalesce(string_agg(content::text, ' '), ''), 0) FROM ({each.sql}) AS content)"  # noqa: S608 - no caller's text is in it
        for each in contents
    )
    return Statement("SELECT cached_table", f"SELECT {', '.join(texts)}")
