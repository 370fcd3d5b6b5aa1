"""A worker that watches, what came in of its alarms, and two troubles."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.credentials.secrets import Secrets
from app.monitoring.notify import open_alerting
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.monitoring.watch import Watch
from app.postgres.database import Database
from app.settings.alerts import AlertSettings
from tests.monitoring.test_retention import place, sql
from tests.vendors.vendor_server import VendorServer

URL = "https://lockstitch.example"
REPEAT = 3600.0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def watching(
    database: Database,
    alerts: AlertSettings,
    clock: Clock | None = None,
    secrets: Sequence[str] = (),
    connections: Sequence[str] = ("crm", "shop"),
) -> AsyncIterator[Watch]:
    """One worker's watcher."""
    async with open_alerting(alerts, installation=URL, secrets=Secrets({})) as alerter:
        yield Watch(
            PostgresAlarmFigures(database, connections, secrets, ["customers:crm"]),
            PostgresAlarms(database),
            alerter,
            public_url=URL,
            repeat_seconds=REPEAT,
            job_lag_seconds=600.0,
            clock=clock or Clock(),
        )


def reported(receiver: VendorServer) -> list[tuple[str, str]]:
    """Name and state of every alarm that came in, in order."""
    messages = [json.loads(call.body) for call in receiver.calls]
    return [(one["alarm"], one["state"]) for one in messages]


async def open_dead_letter(database: Database, number: int = 1) -> None:
    await place(database, "dead_letters", number, 0)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL")


async def late_job(database: Database, connection: str = "crm") -> None:
    await sql(
        database,
        """INSERT INTO job (kind, connection, state, run_at, max_attempts, dead_head, payload, correlation_id)
           VALUES ('ingest', $1, 'ready', now() - interval '11 minutes', 8, 'skip', '', 'run-1')""",
        connection,
    )
