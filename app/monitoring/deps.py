"""Dependencies of probes, metrics and the steps of a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.monitoring.readiness import Verdict
    from app.monitoring.store.failures import PostgresFailures
    from app.monitoring.store.runs import PostgresRuns
    from app.monitoring.store.vitals import PostgresAlarmFigures
    from app.postgres.digest_secret import DigestSecret
    from app.settings.briefs import Responsible
    from app.writes.store.reader import OperationReader


@dataclass(frozen=True, kw_only=True)
class PresentDeps:
    """What reads the alarms that stand. A job waits for too long after `job_lag_seconds`."""

    figures: PostgresAlarmFigures
    public_url: str
    job_lag_seconds: float


@dataclass(frozen=True, kw_only=True)
class FailureDeps:
    """What finds runs that failed. `secret` keys the digests by which failures are found."""

    runs: PostgresRuns
    failures: PostgresFailures
    operations: OperationReader
    secret: DigestSecret


@dataclass(frozen=True, kw_only=True)
class MonitoringDeps(PresentDeps, FailureDeps):
    """`readiness` returns whether this process can serve. `collect` refreshes the gauges from the database, if it
    answers. `responsible` are the people for a connection."""

    responsible: Mapping[str, Sequence[Responsible]]
    readiness: Callable[[], Awaitable[Verdict]]
    collect: Callable[[], Awaitable[None]]
