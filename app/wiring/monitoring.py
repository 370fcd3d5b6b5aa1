"""The monitoring of a process: gauges, runs and readiness."""

from functools import partial

from app import telemetry
from app.errors import Complaint, StoreUnavailable
from app.monitoring.deps import MonitoringDeps
from app.monitoring.readiness import CachedReadiness, Verdict
from app.monitoring.store import heartbeats
from app.monitoring.store.gauges import Gauges
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database
from app.postgres.environment_stamp import claim
from app.postgres.migrate import count_missing
from app.settings.environment import Settings


def open_monitoring(settings: Settings, database: Database, former_environments: set[str]) -> MonitoringDeps:
    """Register the gauges, and return what the routes of monitoring need. Readiness adds to `former_environments`."""
    exporting = [name for name, connection in settings.connections.items() if connection.csv is not None]
    telemetry.expect_uploads(exporting)
    gauges = Gauges(database, settings.connections, exporting)
    telemetry.add_collector(gauges.collect)
    return MonitoringDeps(
        runs=PostgresRuns(database),
        readiness=CachedReadiness(partial(_readiness, settings.environment, database, former_environments)),
        collect=gauges.refresh,
    )


async def _readiness(environment: str, database: Database, former_environments: set[str]) -> Verdict:
    try:
        missing = await count_missing(database)
        if not missing:  # the process may have started before they were there
            former_environments.update(await claim(database, environment))
        seen = None if missing else await heartbeats.last_seen(database)
    except Complaint as error:
        return (str(error),), None
    except StoreUnavailable:
        return ("the database is not available",), None
    return ((f"migrations are missing ({missing}): run lockstitch migrate",) if missing else ()), seen
