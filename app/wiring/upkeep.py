"""The upkeep of a worker: alarms, retention, export folders."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.monitoring.notify import Alerting, open_alerting
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.retention import PostgresRetention
from app.monitoring.watch import Watch
from app.postgres.database import Database
from app.uploads.export_folder import DiskFolder
from app.wiring.connections import figures_of
from app.wiring.foundation import Foundation


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What a worker does in addition to jobs: watch, notify, delete old rows, read export folders."""

    watch: Watch
    alerter: Alerting
    heartbeat_seconds: float
    retention: PostgresRetention
    folders: Mapping[str, DiskFolder]


async def open_upkeep(stack: AsyncExitStack, foundation: Foundation) -> Upkeep:
    """Open the upkeep. Watch has its own connection, so that a busy pool does not look like a database failure."""
    settings = foundation.settings
    watched = await Database.connect(foundation.database_url, max_size=1)
    stack.push_async_callback(watched.close)
    alerter = await stack.enter_async_context(
        open_alerting(
            settings.alerts,
            installation=settings.public_url,
            secrets=foundation.secrets,
            responsible=settings.responsible,
        )
    )
    return Upkeep(
        watch=Watch(
            figures_of(settings, watched),
            PostgresAlarms(watched),
            alerter,
            public_url=settings.public_url,
            repeat_seconds=settings.alerts.repeat_minutes * 60.0,
            job_lag_seconds=float(settings.alerts.job_lag_seconds),
        ),
        alerter=alerter,
        heartbeat_seconds=float(settings.alerts.heartbeat_seconds),
        retention=PostgresRetention(
            foundation.database, settings.retention, operations=timedelta(days=settings.operation_retention_days)
        ),
        folders={
            name: DiskFolder(Path(connection.csv.folder))
            for name, connection in settings.connections.items()
            if connection.csv is not None and connection.csv.folder is not None
        },
    )
