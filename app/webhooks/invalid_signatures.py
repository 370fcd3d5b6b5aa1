"""Webhooks that were turned away, told in the audit trail once a minute and not one by one: whoever sends rubbish
decides how much of it there is."""

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
    """The counts of this process since they were last told."""

    def __init__(self, receipts: PostgresReceipts) -> None:
        self._receipts = receipts
        self._counts: dict[str, Counter[str]] = {}
        self._since = time.monotonic()

    def note(self, connection: str, reason: str) -> None:
        """One more. `connection` is one of ours."""
        telemetry.count_refused(connection, reason)
        self._counts.setdefault(connection, Counter())[reason] += 1

    @asynccontextmanager
    async def told(self, seconds: float = SECONDS) -> AsyncIterator[None]:
        """Tell the counts every so many seconds while the block runs, and once more at its end."""
        telling = asyncio.create_task(self._tell_every(seconds))
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.wait({telling})
            await self.tell()

    async def tell(self) -> None:
        """Write the counts down and begin anew; what cannot be written is kept."""
        now = time.monotonic()
        counts, self._counts = self._counts, {}
        if not counts:
            self._since = now
            return
        try:
            await self._receipts.note_refused(counts, now - self._since)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next minute has to be told too
            if not isinstance(error, StoreUnavailable):
                _log.exception("webhooks that were turned away could not be told; trying again")
            for connection, reasons in counts.items():
                self._counts.setdefault(connection, Counter()).update(reasons)
            return
        self._since = now

    async def _tell_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.tell()
