"""Audit refused requests once a minute, as counts. Anyone can send them, so a row for each would let them fill the
disk."""

import time
from collections import Counter
from contextlib import AbstractAsyncContextManager
from typing import Final

from app.audit import record
from app.periodic import repeating
from app.postgres.database import Database

SECONDS: Final = 60.0
MOST_REASONS: Final = 20
"""Different reasons of one subject. Further ones, which a sender may invent, count as `other`."""


class RefusedRequests:
    """Counts of this process since they were last written, by audit type and subject."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._since = time.monotonic()

    def note(self, kind: str, subject: str, reason: str) -> None:
        """Count one refused request for the audit type `kind`. `subject` is a configured name."""
        reasons = self._counts.setdefault((kind, subject), Counter())
        reasons[reason if reason in reasons or len(reasons) < MOST_REASONS else "other"] += 1

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Write the counts regularly during the block, and at its end."""
        return repeating("counts of refused requests", SECONDS, self._write)

    async def _write(self) -> None:
        """Write the counts to the audit trail and reset them. If that fails, keep them and raise."""
        now = time.monotonic()
        if not self._counts:
            self._since = now
            return
        counts, self._counts = self._counts, {}
        entries = [
            record.Entry(
                type=kind,
                subject=subject,
                correlation_id=None,
                facts={"counts": dict(reasons), "seconds": round(now - self._since)},
            )
            for (kind, subject), reasons in sorted(counts.items())
        ]
        try:
            async with self._database.transaction() as session:
                await record.append(session, *entries)
        except BaseException:
            for key, reasons in counts.items():
                self._counts.setdefault(key, Counter()).update(reasons)
            raise
        self._since = now
