"""The monitoring of a process: gauges, runs and readiness."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from prometheus_client import Metric

from app import telemetry
from app.errors import Complaint, StoreUnavailable
from app.monitoring.deps import MonitoringDeps
from app.monitoring.readiness import PROOF_SECONDS, CachedCheck, Verdict
from app.monitoring.store import heartbeats
from app.monitoring.store.failures import PostgresFailures
from app.monitoring.store.gauges import Gauges
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import claim
from app.postgres.fault import DatabaseFault
from app.postgres.migrate import schema_fault
from app.postgres.write_proof import fault_of, write_fault
from app.settings.environment import Settings
from app.uploads.metrics import expect_uploads
from app.wiring.connections import figures_of
from app.writes.store.reader import OperationReader


def open_monitoring(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    former_environments: set[str],
    measure_freshness: Callable[[], Awaitable[Sequence[Metric]]],
) -> MonitoringDeps:
    """Register the gauges, and return what the routes of monitoring need. Readiness adds to `former_environments`."""
    exporting = [name for name, connection in settings.connections.items() if connection.csv is not None]
    expect_uploads(exporting)
    proof = CachedCheck(partial(write_fault, database), PROOF_SECONDS)
    figures = figures_of(settings, database)
    gauges = Gauges(database, figures, settings.connections, exporting, proof, measure_freshness)
    telemetry.add_collector(gauges.collect)
    telemetry.refresh_before_push(gauges.refresh)
    return MonitoringDeps(
        runs=PostgresRuns(database),
        failures=PostgresFailures(database),
        operations=OperationReader(database, sealer),
        secret=DigestSecret(database, sealer),
        responsible=settings.responsible,
        figures=figures,
        public_url=settings.public_url,
        job_lag_seconds=settings.alerts.job_lag_seconds,
        readiness=CachedCheck(partial(_readiness, settings.environment, database, proof, former_environments)),
        collect=gauges.refresh,
    )


async def _readiness(
    environment: str, database: Database, proof: CachedCheck[DatabaseFault | None], former_environments: set[str]
) -> Verdict:
    try:
        fault = await schema_fault(database) or await proof()
        if fault is not None:
            return (str(fault),), None
        former_environments.update(await claim(database, environment))  # it may have started before the schema
        return (), await heartbeats.last_seen(database)
    except Complaint as error:
        return (str(error),), None
    except StoreUnavailable as error:
        return (str(fault_of(error) or "the database is not available"),), None
