"""What probes, metrics and the story of a run are given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.monitoring.readiness import Verdict
from app.monitoring.store.runs import PostgresRuns


@dataclass(frozen=True, kw_only=True)
class MonitoringDeps:
    """`readiness` judges whether this process can serve; `collect` reads the gauges that only the database knows, if
    it answers."""

    runs: PostgresRuns
    readiness: Callable[[], Awaitable[Verdict]]
    collect: Callable[[], Awaitable[None]]
