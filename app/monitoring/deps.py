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
class MonitoringDeps:
    """`readiness` returns whether this process can serve. `collect` refreshes the gauges from the database, if it
    answers. `secret` keys the digests by which failures are found. `responsible` are the people for a connection. A job
    waits for too long after `job_lag_seconds`."""

    runs: PostgresRuns
    failures: PostgresFailures
    operations: OperationReader
    secret: DigestSecret
    responsible: Mapping[str, Sequence[Responsible]]
    figures: PostgresAlarmFigures
    public_url: str
    job_lag_seconds: float
    readiness: Callable[[], Awaitable[Verdict]]
    collect: Callable[[], Awaitable[None]]
