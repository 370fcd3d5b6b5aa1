"""Places: how many jobs of each lane this process may run at once, and the share of the job that a task runs.

A job holds a place of its lane from its claim until the outside has answered it; what follows is our own work, and the
next job of the lane may begin. A target that keeps up earns further places, one by one, and loses them with the first
answer that takes longer than `KEEPS_UP_SECONDS`. It uses them only while more than `SPARED` places of the process are
free, so that there is always room for lanes within their own share.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from app.queue.models import BudgetShare, Job

KEEPS_UP_SECONDS: Final = 0.25
EARNED_AT_MOST: Final = 24
SPARED: Final = 16


class HeldPlaces(Struct, frozen=True, kw_only=True):
    """The places that a lane holds, how many more than its own share it may hold now, and which shares of its budget
    hold some."""

    places: int
    earned: int
    shares: frozenset[BudgetShare] = frozenset()


running_share: Final[ContextVar[BudgetShare]] = ContextVar("running_share", default=BudgetShare.INTERACTIVE)
"""Which share of a vendor's budget pays for the requests of the current task: that of its job, else of callers."""


@dataclass(kw_only=True)
class _Lane:
    waiting: dict[int, tuple[float, BudgetShare]] = field(default_factory=dict)  # since when, by job
    jobs: int = 0
    earned: int = 0


class Places:
    """The places of one process. A lane is forgotten when its last job ends."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def take(self, job: Job) -> None:
        """Note that a job begins."""
        lane = self._lanes.setdefault(job.connection, _Lane())
        lane.jobs += 1
        lane.waiting[job.id] = (time.monotonic(), job.share)

    def answered(self, job: Job) -> None:
        """Free the place of a job, because the outside has answered. Does nothing if it is free."""
        lane = self._lanes.get(job.connection)
        since = None if lane is None else lane.waiting.pop(job.id, None)
        if lane is not None and since is not None:
            kept_up = time.monotonic() - since[0] <= KEEPS_UP_SECONDS
            lane.earned = min(EARNED_AT_MOST, lane.earned + 1) if kept_up else 0

    def ended(self, job: Job) -> None:
        """Free the place of a job that has ended. Without an answer its lane keeps nothing that it has earned."""
        lane = self._lanes[job.connection]
        if lane.waiting.pop(job.id, None) is not None:
            lane.earned = 0
        lane.jobs -= 1
        if not lane.jobs:
            del self._lanes[job.connection]

    def by_lane(self, free: int) -> Mapping[str, HeldPlaces]:
        """Return what each lane holds, while the process has so many places left."""
        spare, late = max(0, free - SPARED), time.monotonic() - KEEPS_UP_SECONDS
        return {
            name: HeldPlaces(
                places=len(lane.waiting),
                earned=0 if lane.waiting and min(lane.waiting.values())[0] < late else min(lane.earned, spare),
                shares=frozenset(share for _, share in lane.waiting.values()),
            )
            for name, lane in self._lanes.items()
        }
