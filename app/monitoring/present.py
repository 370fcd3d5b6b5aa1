"""What stands now: the alarms, since when, and the work that waits."""

from collections.abc import Sequence

from msgspec import Struct

from app.monitoring.database_alarms import UNWRITABLE
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
    """Read what stands now, with a few look-ups whose cost does not grow with the tables. A database that stores
    nothing comes first. Raises StoreUnavailable."""
    figures, work, fault = await deps.figures.read(), await deps.figures.work(), await deps.figures.write_fault()
    raised = alarms_of(figures, deps.public_url, deps.job_lag_seconds)
    alarms = sorted(raised, key=lambda one: (one.since is None, one.since, one.name))
    if fault is not None:
        ready = f"{deps.public_url}/health/ready"
        alarms.insert(0, Alarm(name=UNWRITABLE, summary=fault.sentence, next_step=fault.fix, link=ready))
    return Present(
        alarms=alarms,
        lag_seconds=figures.job_lag,
        **work,
    )
