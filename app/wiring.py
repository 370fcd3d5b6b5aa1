"""The one place that builds the real store and the real vendor client, and hands them to routes and flows."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from app import telemetry
from app.api_keys.cache import RememberedKeys
from app.api_keys.store import PostgresKeys
from app.audit.chain import BATCH as SEALED_AT_ONCE
from app.audit.chain import AuditSealer
from app.audit.facts import PostgresTrail
from app.audit.trail import PostgresAuditTrail
from app.dead_letters.store.dead_letters import PostgresDeadLetters
from app.dead_letters.store.redrives import PostgresRedrives
from app.drift.detect import DriftDetection
from app.drift.record import DriftNotes
from app.drift.store import PostgresDrifts
from app.egress.poster import open_poster
from app.errors import StoreUnavailable
from app.events.models import Events
from app.events.queue_events import StoreAnnouncer
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.events.store.subscriptions import PostgresSubscriptions
from app.http.cursors import Cursors
from app.http.rate_limit import Budgets
from app.http.services import Services
from app.job_kinds import POLICIES, handlers_of
from app.monitoring.models import Alerter, Retention
from app.monitoring.notify import open_alerting
from app.monitoring.store import heartbeats
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.gauges import Gauges
from app.monitoring.store.retention import PostgresRetention
from app.monitoring.store.run_entries import recording_runs
from app.monitoring.store.runs import PostgresRuns
from app.monitoring.store.vitals import PostgresVitals
from app.monitoring.watch import Watch
from app.operator_seam import OperatorSeam
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.listen import listen
from app.postgres.migrate import count_missing
from app.queue.claim import open_upkeep
from app.queue.enqueue import JobIntake
from app.queue.figures import read_figures
from app.queue.jobs import PostgresQueue
from app.queue.lanes import PostgresLanes
from app.queue.models import Lanes, LaneSettings
from app.queue.pauses import PostgresPauses
from app.queue.runner import QueueRunner
from app.records.store import PostgresLinks
from app.revisions.mapping_routes import places_to_pin
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook
from app.revisions.trials import Trials
from app.seam import Seam
from app.settings.egress import EgressRules
from app.settings.environment import EncryptionKey, Settings, require_for_serving
from app.settings.file import SettingsError
from app.uploads.export_folder import DiskFolder
from app.uploads.models import ExportFolder
from app.uploads.store import PostgresUploads
from app.vendors.client import open_vendor_client
from app.vendors.models import Connection, Connections
from app.webhooks.group_commit import Gathering
from app.webhooks.invalid_signatures import RefusedWebhooks
from app.webhooks.receive import Receiving
from app.webhooks.store.arrivals import PostgresArrivals
from app.webhooks.store.receipts import PostgresReceipts
from app.webhooks.webhook_connections import open_intakes
from app.writes.completion import Announcements
from app.writes.store.operations import PostgresOperations
from app.writes.write import Writers
from mappings.registry import MANIFESTS, manifest_of
from mappings.spec import Vendor

POOL_SIZE: Final = 16
# One attempt at a write ends well before its lease does, so that two owners never overlap.
ATTEMPT_SHARE: Final = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What a worker does beside the work: it watches, tells, and removes what is too old."""

    watch: Watch
    alerter: Alerter
    heartbeat_seconds: float
    retention: Retention
    folders: Mapping[str, ExportFolder]


@dataclass(frozen=True, kw_only=True)
class Plant:
    """The running whole of one process: its services, and what only processes do: workers have `runner`, `upkeep`."""

    services: Services
    database: Database
    runner: QueueRunner | None
    upkeep: Upkeep | None

    async def beat(self, worker: str) -> None:
        """Note that this worker is alive."""
        await heartbeats.beat(self.database, worker)

    async def seal(self) -> bool:
        """Append to the audit chain what is ready; whether there may be more at once."""
        return await AuditSealer(self.database).seal() == SEALED_AT_ONCE


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What everything in a process is built on."""

    settings: Settings
    database_url: str
    database: Database
    sealer: Sealer
    deliveries: PostgresDeliveries
    events: PostgresEvents


@asynccontextmanager
async def open_plant(settings: Settings, *, works: bool = False) -> AsyncIterator[Plant]:
    """Build everything, and take it down again in order; with a runner of jobs where this process `works`.

    Raises SettingsError for settings that cannot be served with, StoreUnavailable without a database.
    """
    database_url, keys = require_for_serving(settings)
    secrets = tuple((key.id, key.key) for key in keys)
    connections = connections_of(settings)
    # A worker proves nothing, and so need not know these secrets.
    intakes = {} if works else open_intakes(settings.connections, connections, os.environ)
    async with AsyncExitStack() as stack:
        database = await Database.connect(database_url, max_size=POOL_SIZE)
        stack.push_async_callback(database.close)
        await stack.enter_async_context(recording_runs(database))
        ground = _ground(settings, database_url, database, Sealer(secrets))
        queue = await _open_queue(stack, ground, works=works)
        seam = await _open_seam(stack, ground, connections, queue)
        if not await count_missing(database):
            await ground.events.raise_era()
            await seam.mapping_routes.pin(places_to_pin(connections.by_name))
        gauges = _open_gauges(settings, database)
        yield Plant(
            services=Services(
                seam=seam,
                operators=_operator_seam(database, ground.sealer, seam.lanes, ground.events),
                cursors=Cursors(tuple(secret for _, secret in secrets)),
                writers=Writers(),
                receiving=Receiving(
                    intakes,
                    Gathering(PostgresArrivals(database, ground.sealer, POLICIES)),
                    RefusedWebhooks(seam.receipts),
                ),
                keys=RememberedKeys(PostgresKeys(database)),
                budgets=Budgets(settings.rate_limit_per_minute, settings.rate_limit_burst),
                trace_url=settings.trace_url,
                readiness=lambda: _readiness(database),
                collect=gauges.refresh,
            ),
            database=database,
            runner=await _open_runner(ground, seam, queue) if works else None,
            upkeep=await _open_upkeep(stack, ground) if works else None,
        )


def _ground(settings: Settings, database_url: str, database: Database, sealer: Sealer) -> _Ground:
    deliveries = PostgresDeliveries(database, sealer)
    return _Ground(
        settings=settings,
        database_url=database_url,
        database=database,
        sealer=sealer,
        deliveries=deliveries,
        events=PostgresEvents(database, sealer, deliveries),
    )


async def _open_queue(stack: AsyncExitStack, ground: _Ground, *, works: bool) -> PostgresQueue:
    """Whoever works keeps the queue up besides, on a session of its own."""
    upkeep = None
    if works:
        upkeep = await open_upkeep(ground.database_url)
        stack.push_async_callback(upkeep.close)
    return PostgresQueue(
        ground.database,
        ground.sealer,
        lease=timedelta(seconds=ground.settings.job_lease_seconds),
        policies=POLICIES,
        upkeep=upkeep,
        announcer=_announcer(ground.sealer, ground.events),
    )


async def _open_seam(stack: AsyncExitStack, ground: _Ground, connections: Connections, queue: PostgresQueue) -> Seam:
    """What flows work through."""
    settings, database, sealer, events = ground.settings, ground.database, ground.sealer, ground.events
    announcer = _announcer(sealer, events)
    poster = open_poster(EgressRules(settings.egress_allow), seconds=float(settings.delivery_timeout_seconds))
    pauses = PostgresPauses(database, announcer)
    mapping_routes = PostgresMappingRoutes(database)
    operations = PostgresOperations(
        database,
        sealer,
        lease=timedelta(seconds=settings.operation_lease_seconds),
        retention=timedelta(days=settings.operation_retention_days),
        announcer=Announcements(events, queue),
    )
    await stack.enter_async_context(pauses.following(ground.database_url))
    await stack.enter_async_context(mapping_routes.following(ground.database_url))
    return Seam(
        public_url=settings.public_url,
        connections=connections,
        vendors=await stack.enter_async_context(open_vendor_client(settings, pauses=pauses)),
        operations=operations,
        queued_writes=settings.queued_writes,
        links=PostgresLinks(database),
        transactions=database,
        queue=queue,
        lanes=PostgresLanes(database, announcer),
        pauses=pauses,
        receipts=PostgresReceipts(database, sealer),
        events=events,
        states=PostgresRecordStates(database, sealer),
        trail=PostgresTrail(),
        subscriptions=PostgresSubscriptions(database, sealer),
        deliveries=ground.deliveries,
        poster=await stack.enter_async_context(poster),
        mapping_routes=mapping_routes,
        trials=await stack.enter_async_context(Trials(PostgresTrialBook(database)).running()),
        drift=await stack.enter_async_context(_drift(settings, database, events, queue).running()),
        uploads=PostgresUploads(database),
        delivery_ladder=settings.delivery_ladder,
        execution_limit=settings.operation_lease_seconds * ATTEMPT_SHARE,
        settle_margin=float(settings.settle_margin_seconds),
    )


def _announcer(sealer: Sealer, events: Events) -> StoreAnnouncer:
    return StoreAnnouncer(events, JobIntake(sealer, POLICIES))


def _open_gauges(settings: Settings, database: Database) -> Gauges:
    exporting = [name for name, connection in settings.connections.items() if connection.csv is not None]
    telemetry.expect_uploads(exporting)
    gauges = Gauges(database, settings.connections, exporting)
    telemetry.add_collector(gauges.collect)
    return gauges


def connections_of(settings: Settings) -> Connections:
    """The connections of the configuration, each with what is known of its vendor. Raises SettingsError for a vendor
    that there is not."""
    _refuse_unknown_vendors(settings)
    return Connections(
        by_name={
            name: Connection(
                name=name,
                vendor=manifest_of(connection.vendor, only_takes_webhooks=connection.only_takes_webhooks),
                layout=connection.csv,
            )
            for name, connection in settings.connections.items()
        },
        systems_of_record=settings.systems_of_record,
    )


@asynccontextmanager
async def open_operators(database_url: str, keys: Sequence[EncryptionKey]) -> AsyncIterator[OperatorSeam]:
    """What operators' commands need: the database and nothing else, so that they work while everything else is down.

    Raises StoreUnavailable.
    """
    database = await Database.connect(database_url, max_size=2)
    try:
        sealer = Sealer(tuple((key.id, key.key) for key in keys))
        events = PostgresEvents(database, sealer, PostgresDeliveries(database, sealer))
        yield _operator_seam(database, sealer, PostgresLanes(database, _announcer(sealer, events)), events)
    finally:
        await database.close()


def _operator_seam(database: Database, sealer: Sealer, lanes: Lanes, events: Events) -> OperatorSeam:
    return OperatorSeam(
        transactions=database,
        queue=JobIntake(sealer, POLICIES),
        dead_letters=PostgresDeadLetters(database, sealer, POLICIES),
        redrives=PostgresRedrives(database),
        lanes=lanes,
        receipts=PostgresReceipts(database, sealer),
        events=events,
        audit=PostgresAuditTrail(database),
        runs=PostgresRuns(database),
        drifts=PostgresDrifts(database),
        uploads=PostgresUploads(database),
        trail=PostgresTrail(),
        read_figures=partial(read_figures, database),
        mapping_routes=PostgresMappingRoutes(database),
        trial_book=PostgresTrialBook(database),
    )


def _drift(settings: Settings, database: Database, events: Events, queue: PostgresQueue) -> DriftDetection:
    telemetry.expect_drift(settings.connections)
    drifts, trail = PostgresDrifts(database), PostgresTrail()
    notes = DriftNotes(
        drifts=drifts,
        transactions=database,
        events=events,
        queue=queue,
        trail=trail,
        rules={name: connection.drift for name, connection in settings.connections.items()},
        public_url=settings.public_url,
    )
    return DriftDetection(drifts=drifts, transactions=database, trail=trail, notes=notes, settings=settings.drift)


async def _open_upkeep(stack: AsyncExitStack, ground: _Ground) -> Upkeep:
    """The watcher has a connection of its own: it must not take a busy pool for a database that is away."""
    settings = ground.settings
    watched = await Database.connect(ground.database_url, max_size=1)
    stack.push_async_callback(watched.close)
    alerter = await stack.enter_async_context(open_alerting(settings.alerts, installation=settings.public_url))
    return Upkeep(
        watch=Watch(
            PostgresVitals(watched, settings.connections),
            PostgresAlarms(watched),
            PostgresAuditTrail(watched),
            alerter,
            public_url=settings.public_url,
            repeat_seconds=settings.alerts.repeat_minutes * 60.0,
            job_lag_seconds=float(settings.alerts.job_lag_seconds),
        ),
        alerter=alerter,
        heartbeat_seconds=float(settings.alerts.heartbeat_seconds),
        retention=PostgresRetention(
            ground.database, settings.retention, operations=timedelta(days=settings.operation_retention_days)
        ),
        folders={
            name: DiskFolder(Path(connection.csv.folder))
            for name, connection in settings.connections.items()
            if connection.csv is not None and connection.csv.folder is not None
        },
    )


async def _open_runner(ground: _Ground, seam: Seam, queue: PostgresQueue) -> QueueRunner:
    """The runner of this process, with the lanes as fast as the connections may be."""
    await seam.lanes.configure(
        {name: _lane(ground.settings, name, connection) for name, connection in seam.connections.by_name.items()}
    )
    return QueueRunner(
        queue,
        handlers_of(seam),
        policies=POLICIES,
        lease_seconds=float(ground.settings.job_lease_seconds),
        listen=partial(listen, ground.database_url),
    )


def _lane(settings: Settings, name: str, connection: Connection) -> LaneSettings:
    vendor = connection.vendor
    if not isinstance(vendor, Vendor):
        return LaneSettings(rate=None)  # an intake: its jobs ask nobody
    pacing = settings.connections[name].pacing or vendor.pacing
    return LaneSettings(rate=pacing.units / pacing.per_seconds, burst=max(1.0, float(pacing.concurrency)))


def _refuse_unknown_vendors(settings: Settings) -> None:
    known = ", ".join(sorted(MANIFESTS))
    complaints = [
        f"connections.{name}: there is no vendor {connection.vendor!r}; there are: {known}."
        for name, connection in settings.connections.items()
        if connection.vendor not in MANIFESTS
    ]
    if complaints:
        raise SettingsError("\n".join(complaints))


async def _readiness(database: Database) -> tuple[tuple[str, ...], float | None]:
    try:
        missing = await count_missing(database)
        seen = None if missing else await heartbeats.last_seen(database)
    except StoreUnavailable:
        return ("the database is not available",), None
    return ((f"{missing} migrations are missing: run lockstitch migrate",) if missing else ()), seen
