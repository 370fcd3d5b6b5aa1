"""What connections, their pauses and alarms are given: as little as a query needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.dependencies import OnDemand
from app.events.queue_events import QueueEvents
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.monitoring.deps import PresentDeps
from app.queue.enqueue import JobIntake
from app.queue.pauses import PostgresPauses
from app.vendors.deps import ConsentDeps, VendorDeps

if TYPE_CHECKING:
    from types import ModuleType

    from app.monitoring.store.vitals import PostgresAlarmFigures
    from app.postgres.database import Database
    from app.postgres.encryption import Sealer
    from app.settings.environment import Settings


def capabilities() -> ModuleType:
    """Import every job kind, and with them the whole product: a second of CPU, which queries do not need."""
    from app import capabilities as product  # noqa: PLC0415

    return product


KINDS: Final = OnDemand(lambda: capabilities().KINDS)
POLICIES: Final = OnDemand(lambda: capabilities().POLICIES)
REOPEN: Final = OnDemand(lambda: capabilities().REOPEN)


def pauses_of(database: Database, sealer: Sealer) -> PostgresPauses:
    """Return the pauses of connections, which are announced."""
    events = PostgresEvents(database, sealer, PostgresDeliveries(database, sealer))
    return PostgresPauses(database, announcer_of(sealer, events))


def consents_of(settings: Settings, database: Database, sealer: Sealer, vendors: VendorDeps) -> ConsentDeps:
    """Return what authorises connections."""
    from app.credentials.consents import Consents  # noqa: PLC0415
    from app.credentials.store import PostgresCredentials  # noqa: PLC0415

    return ConsentDeps(
        vendors=vendors.vendors,
        pauses=vendors.pauses,
        consents=Consents(database),
        store_for=lambda actor: PostgresCredentials(database, sealer, actor=actor),
        public_url=settings.public_url,
    )


def announcer_of(sealer: Sealer, events: PostgresEvents) -> QueueEvents:
    """Return what publishes Events about the queue."""
    return QueueEvents(events, JobIntake(sealer, POLICIES))


def figures_of(settings: Settings, database: Database) -> PostgresAlarmFigures:
    """Return what reads the figures for the alarms of this configuration."""
    from app.monitoring.store.vitals import PostgresAlarmFigures  # noqa: PLC0415

    consumers = [one.name for one in settings.consumers]
    return PostgresAlarmFigures(database, settings.connections, settings.vault_names, consumers)


def present_of(settings: Settings, database: Database) -> PresentDeps:
    """Return what reads the alarms that stand."""
    return PresentDeps(
        figures=figures_of(settings, database),
        public_url=settings.public_url,
        job_lag_seconds=settings.alerts.job_lag_seconds,
    )
