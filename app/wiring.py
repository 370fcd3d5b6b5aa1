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
from app.alert_ports import Alerter
from app.egress_rules import EgressRules
from app.errors import StoreUnavailable
from app.event_ports import Events
from app.flows.announcing import Announcements
from app.flows.cursors import Cursors
from app.flows.detect_drift import DriftDetection
from app.flows.drift_notes import DriftNotes
from app.flows.gathering import Gathering
from app.flows.handlers import POLICIES, handlers_of
from app.flows.intakes import open_intakes
from app.flows.mapping_routes import places_to_pin
from app.flows.operator_seam import OperatorSeam
from app.flows.receive import Receiving
from app.flows.refused_webhooks import RefusedWebhooks
from app.flows.seam import Seam
from app.flows.trials import Trials
from app.flows.watch import Watch
from app.flows.write import Writers
from app.lane_ports import Lanes, LaneSettings
from app.outbound.alerting import open_alerting
from app.outbound.client import open_vendor_client
from app.outbound.export_folder import DiskFolder
from app.outbound.posting import open_poster
from app.ports import Connection, Connections
from app.queue_runner import QueueRunner
from app.routes.budget import Budgets
from app.routes.services import Services
from app.settings import EncryptionKey, Settings, SettingsError, require_for_serving
from app.store import heartbeats
from app.store.alarms import PostgresAlarms
from app.store.announcer import StoreAnnouncer
from app.store.api_keys import PostgresKeys
from app.store.arrivals import PostgresArrivals
from app.store.audit_chain import BATCH as SEALED_AT_ONCE
from app.store.audit_chain import AuditSealer
from app.store.audit_trail import PostgresAuditTrail
from app.store.claiming import open_upkeep
from app.store.database import Database
from app.store.dead_letters import PostgresDeadLetters
from app.store.deliveries import PostgresDeliveries
from app.store.drift import PostgresDrifts
from app.store.enqueueing import JobIntake
from app.store.events import PostgresEvents
from app.store.gauges import Gauges
from app.store.jobs import PostgresQueue
from app.store.lanes import PostgresLanes
from app.store.links import PostgresLinks
from app.store.mapping_routes import PostgresMappingRoutes
from app.store.mapping_trials import PostgresTrialBook
from app.store.migrate import count_missing
from app.store.operations import PostgresOperations
from app.store.pauses import PostgresPauses
from app.store.queue_figures import read_figures
from app.store.receipts import PostgresReceipts
from app.store.record_states import PostgresRecordStates
from app.store.redrives import PostgresRedrives
from app.store.remembered_keys import RememberedKeys
from app.store.retention import PostgresRetention
from app.store.run_entries import recording_runs
from app.store.runs import PostgresRuns
from app.store.sealing import Sealer
from app.store.subscriptions import PostgresSubscriptions
from app.store.trail import PostgresTrail
from app.store.uploads import PostgresUploads
from app.store.vitals import PostgresVitals
from app.store.wakeups import listen
from app.upkeep_ports import Retention
from app.upload_ports import ExportFolder
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
