"""The one place that builds the real store and the real vendor client, and hands them to routes and flows."""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from app import telemetry
from app.api_keys.cache import CachedKeys
from app.api_keys.store import PostgresKeys
from app.audit.chain import BATCH as SEALED_AT_ONCE
from app.audit.chain import AuditSealer
from app.audit.trail import PostgresAuditTrail
from app.capabilities import KINDS, POLICIES, REOPEN
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.store.dead_letters import PostgresDeadLetters
from app.dead_letters.store.redrives import PostgresRedrives
from app.dependencies import Dependencies
from app.drift.deps import DriftDeps, DriftDetectionDeps
from app.drift.detect import DriftDetection
from app.drift.store import PostgresDrifts
from app.egress.poster import open_poster
from app.errors import StoreUnavailable
from app.events.deps import EventDeps
from app.events.queue_events import QueueEvents
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.events.store.subscriptions import PostgresSubscriptions
from app.http.cursors import Cursors
from app.http.deps import HttpDeps
from app.http.rate_limit import Budgets
from app.http.transfers import Transfers
from app.monitoring.deps import MonitoringDeps
from app.monitoring.notify import Alerting, open_alerting
from app.monitoring.readiness import CachedReadiness, Verdict
from app.monitoring.store import heartbeats
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.gauges import Gauges
from app.monitoring.store.retention import PostgresRetention
from app.monitoring.store.run_entries import recording_runs
from app.monitoring.store.runs import PostgresRuns
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.monitoring.watch import Watch
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.listen import listen
from app.postgres.migrate import count_missing
from app.queue.claim import open_upkeep
from app.queue.deps import QueueDeps
from app.queue.enqueue import JobIntake
from app.queue.figures import count_open_dead_letters, read_figures
from app.queue.jobs import PostgresQueue
from app.queue.lanes import PostgresLanes
from app.queue.models import Enqueuer, LaneSettings
from app.queue.pauses import PostgresPauses
from app.queue.runner import QueueRunner
from app.records.deps import RecordDeps
from app.records.store import PostgresLinks
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import places_to_pin
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook
from app.revisions.trials import Trials
from app.settings.egress import EgressRules
from app.settings.environment import EncryptionKey, Settings, require_for_serving
from app.settings.file import SettingsError
from app.uploads.deps import ExportDeps, UploadDeps
from app.uploads.export_folder import DiskFolder
from app.uploads.store import PostgresUploads
from app.vendors.client import open_vendor_client
from app.vendors.deps import VendorDeps
from app.vendors.models import Connection, Connections
from app.webhooks.deps import IngestDeps, ReceiptDeps
from app.webhooks.group_commit import GroupCommit
from app.webhooks.invalid_signatures import InvalidSignatures
from app.webhooks.receive import WebhookReceiver
from app.webhooks.store.arrivals import PostgresArrivals
from app.webhooks.store.receipts import PostgresReceipts
from app.webhooks.webhook_connections import load_webhook_connections
from app.writes.completion import announce
from app.writes.deps import CompletionDeps, OperationDeps, WriteDeps
from app.writes.store.operations import OperationReader, PostgresOperations
from app.writes.write import Writers
from mappings.registry import MANIFESTS, manifest_of, objects_of
from mappings.spec import Vendor

POOL_SIZE: Final = 16
# For each address.
WRONG_KEYS_PER_MINUTE: Final = 120
WRONG_KEYS_BURST: Final = 100
# One attempt at a write ends well before its lease does, so that two owners never overlap.
ATTEMPT_SHARE: Final = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What a worker does beside the work: it watches, tells, and removes what is too old."""

    watch: Watch
    alerter: Alerting
    heartbeat_seconds: float
    retention: PostgresRetention
    folders: Mapping[str, DiskFolder]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What one process runs on: what its routes and jobs are given, and what only workers have (`runner`, `upkeep`)."""

    dependencies: Dependencies
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
class Foundation:
    """What everything in a process is built on: the database, encryption, and Events with their deliveries."""

    settings: Settings
    database_url: str
    database: Database
    sealer: Sealer
    deliveries: PostgresDeliveries
    events: PostgresEvents


@asynccontextmanager
async def open_runtime(settings: Settings, *, works: bool = False) -> AsyncIterator[Runtime]:
    """Build everything, and take it down again in order; with a runner of jobs where this process `works`.

    Raises SettingsError for settings that cannot be served with, StoreUnavailable without a database.
    """
    database_url, keys = require_for_serving(settings)
    connections = connections_of(settings)
    async with AsyncExitStack() as stack:
        database = await Database.connect(database_url, max_size=POOL_SIZE)
        stack.push_async_callback(database.close)
        await stack.enter_async_context(recording_runs(database))
        sealer = Sealer(tuple((key.id, key.key) for key in keys))
        foundation = _foundation(settings, database_url, database, sealer)
        queue = await _open_queue(stack, foundation, works=works)
        vendors = await _open_vendors(stack, foundation, connections)
        records = await _open_records(stack, foundation, vendors, queue)
        if not await count_missing(database):
            await foundation.events.raise_era()
            await records.mapping_routes.pin(places_to_pin(connections.by_name))
        dependencies = await _open_dependencies(stack, foundation, keys, queue, vendors, records, works=works)
        yield Runtime(
            dependencies=dependencies,
            database=database,
            runner=await _open_runner(foundation, dependencies, queue) if works else None,
            upkeep=await _open_upkeep(stack, foundation) if works else None,
        )


def _foundation(settings: Settings, database_url: str, database: Database, sealer: Sealer) -> Foundation:
    deliveries = PostgresDeliveries(database, sealer)
    return Foundation(
        settings=settings,
        database_url=database_url,
        database=database,
        sealer=sealer,
        deliveries=deliveries,
        events=PostgresEvents(database, sealer, deliveries),
    )


async def _open_queue(stack: AsyncExitStack, foundation: Foundation, *, works: bool) -> PostgresQueue:
    """A worker keeps the queue up as well, on a session of its own."""
    upkeep = None
    if works:
        upkeep = await open_upkeep(foundation.database_url)
        stack.push_async_callback(upkeep.close)
    return PostgresQueue(
        foundation.database,
        foundation.sealer,
        lease=timedelta(seconds=foundation.settings.job_lease_seconds),
        policies=POLICIES,
        upkeep=upkeep,
        announcer=_announcer(foundation.sealer, foundation.events),
    )


async def _open_vendors(stack: AsyncExitStack, foundation: Foundation, connections: Connections) -> VendorDeps:
    called = [each for each in connections.by_name.values() if isinstance(each.vendor, Vendor)]
    telemetry.expect_vendor_calls(
        (each.name for each in called),
        ((mapping.name, mapping.revision) for each in called for mapping in each.vendor.mappings),
    )
    announcer = _announcer(foundation.sealer, foundation.events)
    pauses = PostgresPauses(foundation.database, announcer)
    await stack.enter_async_context(pauses.refreshing(foundation.database_url))
    return VendorDeps(
        connections=connections,
        vendors=await stack.enter_async_context(open_vendor_client(foundation.settings, pauses=pauses)),
        lanes=PostgresLanes(foundation.database, announcer),
        pauses=pauses,
    )


async def _open_records(
    stack: AsyncExitStack, foundation: Foundation, vendors: VendorDeps, queue: PostgresQueue
) -> RecordDeps:
    settings, database = foundation.settings, foundation.database
    mapping_routes = PostgresMappingRoutes(database)
    await stack.enter_async_context(mapping_routes.refreshing(foundation.database_url))
    return RecordDeps(
        connections=vendors.connections,
        vendors=vendors.vendors,
        links=PostgresLinks(database),
        mapping_routes=mapping_routes,
        trials=await stack.enter_async_context(Trials(PostgresTrialBook(database)).running()),
        drift=await stack.enter_async_context(_drift(settings, database, foundation.events, queue).running()),
    )


async def _open_dependencies(
    stack: AsyncExitStack,
    foundation: Foundation,
    keys: Sequence[EncryptionKey],
    queue: PostgresQueue,
    vendors: VendorDeps,
    records: RecordDeps,
    *,
    works: bool,
) -> Dependencies:
    settings, database, sealer, events = (
        foundation.settings,
        foundation.database,
        foundation.sealer,
        foundation.events,
    )
    poster = await stack.enter_async_context(
        open_poster(EgressRules(settings.egress_allow), seconds=float(settings.delivery_timeout_seconds))
    )
    receipts, states = PostgresReceipts(database, sealer), PostgresRecordStates(database, sealer)
    connections = records.connections
    # A worker verifies no webhooks, and so need not know these secrets.
    intakes = {} if works else load_webhook_connections(settings.connections, connections, os.environ)
    gauges = _open_gauges(settings, database)
    idle = settings.body_idle_timeout_seconds
    operators = operator_dependencies(database, sealer, events, queue, records.mapping_routes)
    return Dependencies(
        *operators,
        connections,
        vendors,
        records,
        WriteDeps(
            **shared(records),
            public_url=settings.public_url,
            operations=PostgresOperations(
                database,
                sealer,
                lease=timedelta(seconds=settings.operation_lease_seconds),
                retention=timedelta(days=settings.operation_retention_days),
                announce=partial(announce, CompletionDeps(events=events, queue=queue)),
            ),
            database=database,
            queue=queue,
            poster=poster,
            queued_writes=settings.queued_writes,
            execution_limit=settings.operation_lease_seconds * ATTEMPT_SHARE,
            settle_margin=float(settings.settle_margin_seconds),
        ),
        Writers(),
        IngestDeps(**shared(records), receipts=receipts, states=states, events=events, queue=queue),
        WebhookReceiver(
            intakes, GroupCommit(PostgresArrivals(database, sealer, POLICIES)), InvalidSignatures(receipts)
        ),
        UploadDeps(
            uploads=PostgresUploads(database),
            database=database,
            receipts=receipts,
            queue=queue,
            connections=connections,
            links=records.links,
            states=states,
            events=events,
        ),
        EventDeps(
            events=events,
            subscriptions=PostgresSubscriptions(database, sealer),
            deliveries=foundation.deliveries,
            database=database,
            poster=poster,
            connections={name: objects_of(one.vendor.name) for name, one in connections.by_name.items()},
            delivery_ladder=settings.delivery_ladder,
        ),
        MonitoringDeps(
            runs=PostgresRuns(database),
            readiness=CachedReadiness(partial(_readiness, database)),
            collect=gauges.refresh,
        ),
        HttpDeps(
            public_url=settings.public_url,
            trace_url=settings.trace_url,
            keys=CachedKeys(PostgresKeys(database)),
            budgets=Budgets(settings.rate_limit_per_minute, settings.rate_limit_burst),
            wrong_keys=Budgets(WRONG_KEYS_PER_MINUTE, WRONG_KEYS_BURST),
            bodies=Transfers(idle_seconds=idle, seconds=settings.body_timeout_seconds),
            # Not limited by memory: routes of uploads let in a few at a time.
            exports=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds, most_bytes=sys.maxsize),
            answers=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds),
            cursors=Cursors(tuple(key.key for key in keys)),
        ),
    )


def shared(records: RecordDeps) -> dict[str, Any]:
    """The fields of `records`, for the dependencies that extend them."""
    return {field.name: getattr(records, field.name) for field in fields(records)}


def _announcer(sealer: Sealer, events: PostgresEvents) -> QueueEvents:
    return QueueEvents(events, JobIntake(sealer, POLICIES))


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
async def open_operators(database_url: str, keys: Sequence[EncryptionKey]) -> AsyncIterator[Dependencies]:
    """What operators' commands need: the database and nothing else, so they work while everything else is down.

    Raises StoreUnavailable.
    """
    database = await Database.connect(database_url, max_size=2)
    try:
        sealer = Sealer(tuple((key.id, key.key) for key in keys))
        events = PostgresEvents(database, sealer, PostgresDeliveries(database, sealer))
        queue, receipts = JobIntake(sealer, POLICIES), PostgresReceipts(database, sealer)
        yield Dependencies(
            *operator_dependencies(database, sealer, events, queue, PostgresMappingRoutes(database)),
            ExportDeps(uploads=PostgresUploads(database), database=database, receipts=receipts, queue=queue),
        )
    finally:
        await database.close()


def operator_dependencies(
    database: Database, sealer: Sealer, events: PostgresEvents, queue: Enqueuer, mapping_routes: PostgresMappingRoutes
) -> tuple[Any, ...]:
    """What operators work with, over HTTP and at the keyboard."""
    shown = Dependencies(
        ReceiptDeps(receipts=PostgresReceipts(database, sealer)),
        OperationDeps(find_operation=OperationReader(database, sealer).get),
    )
    return (
        DeadLetterDeps(
            database=database,
            queue=queue,
            dead_letters=PostgresDeadLetters(database, sealer, POLICIES, REOPEN),
            redrives=PostgresRedrives(database),
            mapping_routes=mapping_routes,
            kinds=KINDS,
            show={kind.name: partial(kind.show, shown) for kind in KINDS.values() if kind.show is not None},
        ),
        QueueDeps(
            lanes=PostgresLanes(database, _announcer(sealer, events)),
            read_figures=partial(read_figures, database),
            count_dead_letters=partial(count_open_dead_letters, database),
        ),
        DriftDeps(drifts=PostgresDrifts(database), database=database),
        RevisionDeps(mapping_routes=mapping_routes, trial_book=PostgresTrialBook(database)),
        PostgresAuditTrail(database),
    )


def _drift(settings: Settings, database: Database, events: PostgresEvents, queue: PostgresQueue) -> DriftDetection:
    telemetry.expect_drift(settings.connections)
    return DriftDetection(
        DriftDetectionDeps(
            drifts=PostgresDrifts(database),
            database=database,
            events=events,
            queue=queue,
            settings=settings.drift,
            rules={name: connection.drift for name, connection in settings.connections.items()},
            public_url=settings.public_url,
        )
    )


async def _open_upkeep(stack: AsyncExitStack, foundation: Foundation) -> Upkeep:
    """The watcher has a connection of its own: it must not take a busy pool for a database that is away."""
    settings = foundation.settings
    watched = await Database.connect(foundation.database_url, max_size=1)
    stack.push_async_callback(watched.close)
    alerter = await stack.enter_async_context(open_alerting(settings.alerts, installation=settings.public_url))
    return Upkeep(
        watch=Watch(
            PostgresAlarmFigures(watched, settings.connections),
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
            foundation.database, settings.retention, operations=timedelta(days=settings.operation_retention_days)
        ),
        folders={
            name: DiskFolder(Path(connection.csv.folder))
            for name, connection in settings.connections.items()
            if connection.csv is not None and connection.csv.folder is not None
        },
    )


async def _open_runner(foundation: Foundation, dependencies: Dependencies, queue: PostgresQueue) -> QueueRunner:
    """The runner of this process, with the lanes as fast as the connections may be."""
    vendors = dependencies.of(VendorDeps)
    await vendors.lanes.configure(
        {name: _lane(foundation.settings, name, connection) for name, connection in vendors.connections.by_name.items()}
    )
    return QueueRunner(
        queue,
        {kind.name: kind.bind(dependencies) for kind in KINDS.values()},
        policies=POLICIES,
        lease_seconds=float(foundation.settings.job_lease_seconds),
        listen=partial(listen, foundation.database_url),
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


async def _readiness(database: Database) -> Verdict:
    try:
        missing = await count_missing(database)
        seen = None if missing else await heartbeats.last_seen(database)
    except StoreUnavailable:
        return ("the database is not available",), None
    return ((f"{missing} migrations are missing: run lockstitch migrate",) if missing else ()), seen
