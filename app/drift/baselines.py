"""A per-process cache of baselines. It is short-lived, because other processes learn too."""

import time
from typing import Final

from app.drift.models import Baseline, DriftSubject
from app.drift.store import PostgresDrifts

FRESH_SECONDS: Final = 5.0


class Baselines:
    """Baselines by subject, cached for `FRESH_SECONDS`."""

    def __init__(self, drifts: PostgresDrifts) -> None:
        self._drifts = drifts
        self._known: dict[DriftSubject, tuple[Baseline, float]] = {}

    def is_learned(self, subject: DriftSubject) -> bool:
        """Return whether the cached baseline is learned. False if none is cached. Does no I/O."""
        held = self._known.get(subject)
        return held is not None and held[0].learned

    async def get(self, subject: DriftSubject) -> Baseline:
        """Return the baseline, at most `FRESH_SECONDS` old. Raises StoreUnavailable."""
        held = self._known.get(subject)
        if held is not None and time.monotonic() < held[1]:
            return held[0]
        return await self.renew(subject)

    async def renew(self, subject: DriftSubject) -> Baseline:
        """Read the baseline from the store and cache it. Raises StoreUnavailable."""
        baseline = await self._drifts.baseline(subject)
        self._known[subject] = baseline, time.monotonic() + FRESH_SECONDS
        return baseline
