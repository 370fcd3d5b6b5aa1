"""What stands now: the alarms, since when, and the work that waits."""

from collections.abc import Sequence

from msgspec import Struct

from app.monitoring.deps import PresentDeps
from app.monitoring.models import Alarm
from app.monitoring.watch import alarms_of


class Present(Struct, frozen=True, kw_only=True):
    """The alarms, the longest-standing first, and the work of all processes. Counts stop at 10,000."""

    alarms: Sequence[Alarm]
    workers: int
    """Workers with a heartbeat in the last 30 s."""
    worker_seconds: float | None
    """Seconds since the last heartbeat of any worker; None if there was none."""
    jobs: int
    """Jobs that wait or run."""
    lag_seconds: float
    """Longest time that a job could have started, or is tried in vain."""


async def read_present(deps: PresentDeps) -> Present:
    """Read what stands now, with a few look-ups whose cost does not grow with the tables. Raises StoreUnavailable."""
    figures, work = await deps.figures.read(), await deps.figures.work()
    alarms = alarms_of(figures, deps.public_url, deps.job_lag_seconds)
    return Present(
        alarms=sorted(alarms, key=lambda one: (one.since is None, one.since, one.name)),
        lag_seconds=figures.job_lag,
        **work,
    )
