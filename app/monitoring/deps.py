"""What probes, metrics and the story of a run are given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.monitoring.models import Runs


@dataclass(frozen=True, kw_only=True)
class MonitoringDeps:
    """`readiness` gives the reasons not to serve, none when ready, and the age in seconds of the last heartbeat of a
    worker (None: never seen); `collect` reads the gauges that only the database knows, as far as it answers."""

    runs: Runs
    readiness: Callable[[], Awaitable[tuple[tuple[str, ...], float | None]]]
    collect: Callable[[], Awaitable[None]]
