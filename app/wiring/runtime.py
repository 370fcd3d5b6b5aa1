"""The runtime of a process, API or worker: everything that it opens, and what its routes and jobs are given."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from app import telemetry
from app.audit.chain import BATCH as SEALED_AT_ONCE
from app.audit.chain import AuditSealer
from app.capabilities import KINDS, LOADS, POLICIES
from app.copies.consumers import fan_outs_of, load_consumers
from app.credentials.last_use import LastUse
from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.dependencies import Dependencies
from app.drift.deps import DriftDeps
from app.drift.detect import DriftDetection
from app.drift.metrics import expect_drift
from app.drift.store import PostgresDrifts
from app.events.metrics import expect_changes
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.links.match_store import PostgresMatches
from app.links.tombstones import Tombstones
from app.monitoring.notify import Alerting, open_alerting
from app.monitoring.store import heartbeats
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.retention import PostgresRetention
from app.monitoring.store.run_entries import recording_runs
from app.monitoring.watch import Watch
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import claim
from app.postgres.listen import Listener
from app.postgres.migrate import schema_fault
from app.postgres.pooler import refuse_transaction_pooling
from app.queue import claim as queue_claim
from app.queue.jobs import PostgresQueue
from app.queue.lanes import PostgresLanes
from app.queue.pauses import PostgresPauses
from app.queue.runner import QueueRunner
from app.records.deps import RecordDeps
from app.revisions.mapping_routes import places_to_pin
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook
from app.revisions.trials import Trials
from app.settings.environment import Settings, require_for_serving
from app.uploads.export_folder import DiskFolder
from app.vendors.budget_store import PostgresBudgets
from app.vendors.configured_connections import connections_of
from app.vendors.deps import VendorDeps
from app.vendors.fact_store import PostgresAccountFacts
from app.vendors.models import Connections
from app.vendors.observations import Observations
from app.vendors.open_client import open_vendor_client
from app.vendors.refused_webhooks import WebhookStates
from app.vendors.setup_times import PostgresSetupTimes
from app.vendors.store import PostgresBoundAccounts
from app.wiring.connections import announcer_of, figures_of
from app.wiring.dependencies import Foundation, open_dependencies
from app.wiring.operators import links_of
from mappings.manifest import Vendor

POOL_SIZE: Final = 16
CALL_ACQUIRE_SECONDS: Final = 3.0
CALL_STATEMENT_SECONDS: Final = 10.0
"""A call can wait for a connection, then for its statement and its end: together less than 15 s."""
JOB_ACQUIRE_SECONDS: Final = 5.0
JOB_STATEMENT_SECONDS: Final = 30.0
PROMOTION_SECONDS: Final = 60.0
"""How long a process that starts waits for a primary while each host is a standby."""


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


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What one process runs on: the dependencies of its routes and jobs. Only workers have `runner` and `upkeep`."""

    dependencies: Dependencies
    listener: Listener
    database: Database
    runner: QueueRunner | None
    upkeep: Upkeep | None

    async def seal(self) -> bool:
        """Append ready events to the audit chain, and return whether there may be more."""
        return await AuditSealer(self.database).seal() == SEALED_AT_ONCE


@asynccontextmanager
async def open_runtime(settings: Settings, *, works: bool = False) -> AsyncIterator[Runtime]:
    """Open everything for the duration of the block. A process that `works` gets a runner of jobs.

    Raises SettingsError for incomplete settings, WrongEnvironment for another environment's database, and
    StoreUnavailable without one.
    """
    connections = connections_of(settings)
    async with AsyncExitStack() as stack:
        foundation = await _open_foundation(stack, settings, connections, works=works)
        queue = await _open_queue(stack, foundation, works=works)
        vendors = await _open_vendors(stack, foundation, connections)
        records = await _open_records(stack, foundation, vendors, queue)
        if await schema_fault(foundation.database) is None:
            await vendors.vendors.meet_accounts()
            await foundation.events.raise_era()
            await records.setups.note(connections.by_name)
            await records.mapping_routes.pin(places_to_pin(connections.by_name))
        dependencies = await open_dependencies(stack, foundation, queue, vendors, records, works=works)
        yield Runtime(
            dependencies=dependencies,
            listener=foundation.listener,
            database=foundation.database,
            runner=await _open_runner(foundation, dependencies, queue) if works else None,
            upkeep=await open_upkeep(stack, foundation) if works else None,
        )


async def _open_foundation(
    stack: AsyncExitStack, settings: Settings, connections: Connections, *, works: bool
) -> Foundation:
    """Connect to the database, claim it for this environment, and follow the vault."""
    database_url, keys = require_for_serving(settings)
    consumers = load_consumers(settings.consumers, connections, settings.realms, settings.ownership)
    database = await Database.connect(
        database_url,
        max_size=POOL_SIZE,
        acquire_timeout=JOB_ACQUIRE_SECONDS if works else CALL_ACQUIRE_SECONDS,
        command_timeout=JOB_STATEMENT_SECONDS if works else CALL_STATEMENT_SECONDS,
        promotion_seconds=PROMOTION_SECONDS,
    )
    stack.push_async_callback(database.close)
    await refuse_transaction_pooling(database)
    former_environments = set[str]()
    if await schema_fault(database) is None:
        former_environments.update(await claim(database, settings.environment))
    await stack.enter_async_context(recording_runs(database))
    sealer, listener = Sealer(keys), Listener(database_url)
    vault = Vault(PostgresCredentials(database, sealer))
    cached = await stack.enter_async_context(CachedTables.open(database, listener))
    await cached.keep(vault)
    await stack.enter_async_context(
        heartbeats.beating(
            database,
            "worker" if works else "api",
            listener.number,
            settings=settings.shared_digest,
            keys=[key.id for key in keys],
        )
    )
    uses = LastUse(database)
    await stack.enter_async_context(uses.running())
    fan_outs = partial(fan_outs_of, consumers) if consumers else None
    return Foundation(
        settings=settings,
        keys=keys,
        former_environments=former_environments,
        database_url=database_url,
        listener=listener,
        cached=cached,
        database=database,
        sealer=sealer,
        secret=DigestSecret(database, sealer),
        secrets=Secrets(os.environ, vault, uses),
        uses=uses,
        events=PostgresEvents(database, sealer, PostgresDeliveries(database, sealer), fan_outs),
        consumers=consumers,
    )


async def _open_queue(stack: AsyncExitStack, foundation: Foundation, *, works: bool) -> PostgresQueue:
    """Open the queue. A worker claims jobs on its own session."""
    upkeep = None
    if works:
        upkeep = await queue_claim.open_upkeep(foundation.database_url)
        stack.push_async_callback(upkeep.close)
    return PostgresQueue(
        foundation.database,
        foundation.sealer,
        lease=timedelta(seconds=foundation.settings.job_lease_seconds),
        policies=POLICIES,
        upkeep=upkeep,
        listener=foundation.listener,
        announcer=announcer_of(foundation.sealer, foundation.events),
        loads=LOADS,
    )


async def _open_vendors(stack: AsyncExitStack, foundation: Foundation, connections: Connections) -> VendorDeps:
    called = [each for each in connections.by_name.values() if isinstance(each.vendor, Vendor)]
    telemetry.expect_vendor_calls(
        (each.name for each in called),
        ((mapping.name, mapping.revision) for each in called for mapping in each.vendor.mappings),
    )
    pauses = PostgresPauses(foundation.database, announcer_of(foundation.sealer, foundation.events))
    await foundation.cached.keep(pauses)
    bound = PostgresBoundAccounts(foundation.database)
    await foundation.cached.keep(bound)
    budgets = PostgresBudgets(foundation.database)
    client = await stack.enter_async_context(
        open_vendor_client(
            foundation.settings,
            foundation.secrets,
            pauses=pauses,
            bound=bound,
            shared=PostgresAccountFacts(foundation.database, foundation.sealer),
            budgets=budgets,
        )
    )
    observations = Observations(foundation.database, client.observe)
    await stack.enter_async_context(observations.reporting())
    webhooks = WebhookStates(foundation.database)
    await stack.enter_async_context(webhooks.writing())
    return VendorDeps(
        connections=connections,
        vendors=client,
        lanes=PostgresLanes(foundation.database),
        pauses=pauses,
        observations=observations,
        webhooks=webhooks,
        bound=bound,
        budgets=budgets,
    )


async def _open_records(
    stack: AsyncExitStack, foundation: Foundation, vendors: VendorDeps, queue: PostgresQueue
) -> RecordDeps:
    settings, database = foundation.settings, foundation.database
    mapping_routes = PostgresMappingRoutes(database)
    await foundation.cached.keep(mapping_routes)
    links = links_of(settings, database, foundation.events, queue)
    await foundation.cached.keep(links)
    matches = PostgresMatches(database, foundation.secret, links, settings.links.auto_join)
    erased = Tombstones(database, foundation.secret)
    await foundation.cached.keep(erased)
    return RecordDeps(
        connections=vendors.connections,
        setups=PostgresSetupTimes(database),
        vendors=vendors.vendors,
        links=links,
        matches=await stack.enter_async_context(matches.running()),
        erased=erased,
        states=PostgresRecordStates(database, foundation.sealer, foundation.secret),
        mapping_routes=mapping_routes,
        trials=await stack.enter_async_context(Trials(PostgresTrialBook(database)).running()),
        drift=await stack.enter_async_context(_drift(settings, database, foundation.events, queue).running()),
        ownership=settings.ownership,
    )


def _drift(settings: Settings, database: Database, events: PostgresEvents, queue: PostgresQueue) -> DriftDetection:
    expect_drift(settings.connections)
    expect_changes(settings.connections)
    rules = {name: connection.drift for name, connection in settings.connections.items()}
    deps = DriftDeps(drifts=PostgresDrifts(database), database=database, events=events, queue=queue)
    return DriftDetection(deps, settings.drift, rules, settings.public_url)


async def _open_runner(foundation: Foundation, dependencies: Dependencies, queue: PostgresQueue) -> QueueRunner:
    """Open the lanes of all connections, and return the runner of this process."""
    vendors = dependencies.of(VendorDeps)
    await vendors.lanes.open(list(vendors.connections.by_name))
    return QueueRunner(
        queue,
        {kind.name: kind.bind(dependencies) for kind in KINDS.values()},
        policies=POLICIES,
        lease_seconds=float(foundation.settings.job_lease_seconds),
        listen=foundation.listener.listen,
        allowances=vendors.vendors.allowances,
    )
