"""Audit webhooks with an invalid signature once a minute, as counts. Anyone can send them, so a row for each would let
them fill the disk."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app import telemetry
from app.errors import StoreUnavailable
from app.webhooks.store.receipts import PostgresReceipts

SECONDS: Final = 60.0
_log = logging.getLogger("lockstitch.webhooks")


class InvalidSignatures:
    """Counts of this process since they were last written."""

    def __init__(self, receipts: PostgresReceipts) -> None:
        self._receipts = receipts
        self._counts: dict[str, Counter[str]] = {}
        self._since = time.monotonic()

    def note(self, connection: str, reason: str) -> None:
        """Count one request with an invalid signature. `connection` is a configured one."""
        telemetry.count_refused(connection, reason)
        self._counts.setdefault(connection, Counter())[reason] += 1

    @asynccontextmanager
    async def writing(self, seconds: float = SECONDS) -> AsyncIterator[None]:
        """Write the counts every `seconds` while the block runs, and once at its end."""
        task = asyncio.create_task(self._write_every(seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.write()

    async def write(self) -> None:
        """Write the counts to the audit trail and reset them. If that fails, keep them for the next time."""
        now = time.monotonic()
        counts, self._counts = self._counts, {}
        if not counts:
            self._since = now
            return
        try:
            await self._receipts.note_refused(counts, now - self._since)
        except Exception as error:  # noqa: BLE001 - the loop must survive
            if not isinstance(error, StoreUnavailable):
                _log.exception("counts of invalid signatures could not be written; retrying")
            for connection, reasons in counts.items():
                self._counts.setdefault(connection, Counter()).update(reasons)
            return
        self._since = now

    async def _write_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.write()
