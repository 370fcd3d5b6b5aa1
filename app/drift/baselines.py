"""The baselines that one process has at hand. Other processes learn too, so they are read again every few seconds."""

import time
from typing import Final

from app.drift.models import Baseline, Drifts, DriftSubject

FRESH_SECONDS: Final = 5.0


class Baselines:
    """What is known of each subject, as far as this process has asked."""

    def __init__(self, drifts: Drifts) -> None:
        self._drifts = drifts
        self._known: dict[DriftSubject, tuple[Baseline, float]] = {}

    def is_learned(self, subject: DriftSubject) -> bool:
        """Whether it is known to be learned; False also for what was never asked for. Costs nothing."""
        held = self._known.get(subject)
        return held is not None and held[0].learned

    async def get(self, subject: DriftSubject) -> Baseline:
        """What is known of it, a few seconds old at most. Raises StoreUnavailable."""
        held = self._known.get(subject)
        if held is not None and time.monotonic() < held[1]:
            return held[0]
        return await self.renew(subject)

    async def renew(self, subject: DriftSubject) -> Baseline:
        """What is known of it now. Raises StoreUnavailable."""
        baseline = await self._drifts.baseline(subject)
        self._known[subject] = baseline, time.monotonic() + FRESH_SECONDS
        return baseline
