"""The runtime of a process, API or worker: everything that it opens, and what its routes and jobs are given."""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from typing import Any, Final

from app import telemetry
from app.api_keys.cache import CachedKeys
from app.api_keys.store import PostgresKeys
from app.audit.chain import BATCH as SEALED_AT_ONCE
from app.audit.chain import AuditSealer
from app.audit.refused_requests import RefusedRequests
from app.capabilities import KINDS, POLICIES
from app.copies.consumers import Consumer, fan_outs_of, load_consumers
from app.copies.deps import ConsumerDeps, CopyDeps
from app.copies.store import PostgresCopiedComments
from app.credentials.deps import CredentialDeps
from app.credentials.last_use import LastUse
from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.dependencies import Dependencies
from app.drift.deps import DriftDeps
from app.drift.detect import DriftDetection
from app.drift.store import PostgresDrifts
from app.egress.poster import open_poster
from app.egress.rules import EgressRules
from app.events.deps import EventDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.events.store.subscriptions import PostgresSubscriptions
from app.http.cursors import SealedCursors
from app.http.deps import HttpDeps
from app.http.rate_limit import Budgets
from app.http.slow_bodies import Transfers
from app.links.deps import LinkDeps
from app.links.match_store import PostgresMatches
from app.monitoring.store import heartbeats
from app.monitoring.store.run_entries import recording_runs
from app.ownership.deps import OwnershipDeps
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import claim
from app.postgres.listen import Listener
from app.postgres.migrate import schema_fault
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
from app.settings.environment import EncryptionKey, Settings, is_production, require_for_serving
from app.uploads.deps import UploadDeps
from app.uploads.store import PostgresUploads
from app.vendors.client import open_vendor_client
from app.vendors.configured_connections import connections_of, lanes_of
from app.vendors.deps import VendorDeps
from app.vendors.fact_store import PostgresAccountFacts
from app.vendors.models import Connections
from app.vendors.observations import Observations
from app.vendors.refused_webhooks import WebhookStandings
from app.vendors.setup_times import PostgresSetupTimes
from app.vendors.store import PostgresBoundAccounts
from app.webhooks.deps import IngestDeps
from app.webhooks.part_owners import PartOwners
from app.webhooks.receive import WebhookReceiver
from app.webhooks.store.arrivals import PostgresArrivals, group_commit_to
from app.webhooks.store.receipts import PostgresReceipts
from app.webhooks.webhook_connections import load_webhook_connections
from app.wiring.monitoring import open_monitoring
from app.wiring.operators import announcer_of, consents_of, links_of, operator_dependencies
from app.wiring.upkeep import Upkeep, open_upkeep
from app.writes.completion import Completion
from app.writes.deps import CompletionDeps, WriteDeps
from app.writes.idempotency import Writers
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.operations import PostgresOperations
from app.writes.store.own_writes import PostgresOwnWrites
from app.writes.store.removals import PostgresRemovals
from mappings.registry import objects_of
from mappings.spec import Vendor

POOL_SIZE: Final = 16
# For each address.
WRONG_KEYS_PER_MINUTE: Final = 120
WRONG_KEYS_BURST: Final = 100
# One attempt at a write ends well before its lease, so that two owners never overlap.
ATTEMPT_SHARE: Final = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What one process runs on: the dependencies of its routes and jobs. Only workers have `runner` and `upkeep`."""

    dependencies: Dependencies
    database: Database
    runner: QueueRunner | None
    upkeep: Upkeep | None

    async def beat(self, worker: str) -> None:
        """Record that this worker is alive."""
        await heartbeats.beat(self.database, worker)

    async def seal(self) -> bool:
        """Append ready events to the audit chain, and return whether there may be more."""
        return await AuditSealer(self.database).seal() == SEALED_AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What all dependencies build on: the database, encryption, and Events with their consumers."""

    settings: Settings
    former_environments: set[str]
    database_url: str
    listener: Listener
    database: Database
    sealer: Sealer
    secrets: Secrets
    uses: LastUse
    events: PostgresEvents
    consumers: Mapping[str, Consumer]


@asynccontextmanager
async def open_runtime(settings: Settings, *, works: bool = False) -> AsyncIterator[Runtime]:
    """Open everything for the duration of the block. A process that `works` gets a runner of jobs.

    Raises SettingsError for incomplete settings, WrongEnvironment for another environment's database, and
    StoreUnavailable without one.
    """
    database_url, keys = require_for_serving(settings)
    connections = connections_of(settings)
    consumers = load_consumers(settings.consumers, connections, settings.realms, settings.ownership)
    async with AsyncExitStack() as stack:
        database = await Database.connect(database_url, max_size=POOL_SIZE)
        stack.push_async_callback(database.close)
        former_environments = set[str]()
        if await schema_fault(database) is None:
            former_environments.update(await claim(database, settings.environment))
        await stack.enter_async_context(recording_runs(database))
        sealer = Sealer(keys)
        listener = Listener(database_url)
        vault = Vault(PostgresCredentials(database, sealer))
        await stack.enter_async_context(vault.refreshing(listener))
        uses = LastUse(database)
        await stack.enter_async_context(uses.running())
        fan_outs = partial(fan_outs_of, consumers) if consumers else None
        events = PostgresEvents(database, sealer, PostgresDeliveries(database, sealer), fan_outs)
        foundation = Foundation(
            settings=settings,
            former_environments=former_environments,
            database_url=database_url,
            listener=listener,
            database=database,
            sealer=sealer,
            secrets=Secrets(os.environ, vault, uses),
            uses=uses,
            events=events,
            consumers=consumers,
        )
        queue = await _open_queue(stack, foundation, works=works)
        vendors = await _open_vendors(stack, foundation, connections)
        records = await _open_records(stack, foundation, vendors, queue)
        if await schema_fault(database) is None:
            await vendors.vendors.meet_accounts()
            await events.raise_era()
            await records.setups.note(connections.by_name)
            await records.mapping_routes.pin(places_to_pin(connections.by_name))
        dependencies = await _open_dependencies(stack, foundation, keys, queue, vendors, records, works=works)
        yield Runtime(
            dependencies=dependencies,
            database=database,
            runner=await _open_runner(foundation, dependencies, queue) if works else None,
            upkeep=await open_upkeep(stack, settings, database_url, database, foundation.secrets) if works else None,
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
        announcer=announcer_of(foundation.sealer, foundation.events),
    )


async def _open_vendors(stack: AsyncExitStack, foundation: Foundation, connections: Connections) -> VendorDeps:
    called = [each for each in connections.by_name.values() if isinstance(each.vendor, Vendor)]
    telemetry.expect_vendor_calls(
        (each.name for each in called),
        ((mapping.name, mapping.revision) for each in called for mapping in each.vendor.mappings),
    )
    pauses = PostgresPauses(foundation.database, announcer_of(foundation.sealer, foundation.events))
    await stack.enter_async_context(pauses.refreshing(foundation.listener))
    bound = PostgresBoundAccounts(foundation.database)
    await stack.enter_async_context(bound.refreshing(foundation.listener))
    client = await stack.enter_async_context(
        open_vendor_client(
            foundation.settings,
            foundation.secrets,
            pauses=pauses,
            bound=bound,
            shared=PostgresAccountFacts(foundation.database, foundation.sealer),
        )
    )
    observations = Observations(foundation.database, client.observe)
    await stack.enter_async_context(observations.reporting())
    webhooks = WebhookStandings(foundation.database)
    await stack.enter_async_context(webhooks.writing())
    return VendorDeps(
        connections=connections,
        vendors=client,
        lanes=PostgresLanes(foundation.database),
        pauses=pauses,
        observations=observations,
        webhooks=webhooks,
        bound=bound,
    )


async def _open_records(
    stack: AsyncExitStack, foundation: Foundation, vendors: VendorDeps, queue: PostgresQueue
) -> RecordDeps:
    settings, database = foundation.settings, foundation.database
    mapping_routes = PostgresMappingRoutes(database)
    await stack.enter_async_context(mapping_routes.refreshing(foundation.listener))
    links = links_of(settings, database, foundation.events, queue)
    await stack.enter_async_context(links.refreshing(foundation.listener))
    matches = PostgresMatches(database, foundation.sealer, links, settings.links.auto_join)
    return RecordDeps(
        connections=vendors.connections,
        setups=PostgresSetupTimes(database),
        vendors=vendors.vendors,
        links=links,
        matches=await stack.enter_async_context(matches.running()),
        states=PostgresRecordStates(database, foundation.sealer),
        mapping_routes=mapping_routes,
        trials=await stack.enter_async_context(Trials(PostgresTrialBook(database)).running()),
        drift=await stack.enter_async_context(_drift(settings, database, foundation.events, queue).running()),
        ownership=settings.ownership,
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
    settings, database = foundation.settings, foundation.database
    sealer, events = foundation.sealer, foundation.events
    poster = await stack.enter_async_context(
        open_poster(EgressRules(settings.egress_allow), seconds=float(settings.delivery_timeout_seconds))
    )
    receipts, lease = PostgresReceipts(database, sealer), timedelta(seconds=settings.operation_lease_seconds)
    connections = records.connections
    # A worker verifies no webhooks, so it does not need these secrets.
    intakes = {} if works else load_webhook_connections(settings.connections, connections, foundation.secrets)
    refusals = RefusedRequests(database)
    idle = settings.body_idle_timeout_seconds
    operators = operator_dependencies(database, sealer, events, queue, records.mapping_routes)
    bases = PostgresCopyBases(database, DigestSecret(database, sealer))
    writes = WriteDeps(
        **shared(records),
        bases=bases,
        removals=PostgresRemovals(database),
        public_url=settings.public_url,
        operations=PostgresOperations(
            database,
            sealer,
            lease=lease,
            retention=timedelta(days=settings.operation_retention_days),
            completion=Completion(CompletionDeps(events=events, queue=queue, states=records.states, bases=bases)),
        ),
        database=database,
        queue=queue,
        poster=poster,
        queued_writes=settings.queued_writes,
        is_production=is_production(settings.environment),
        execution_limit=settings.operation_lease_seconds * ATTEMPT_SHARE,
        settle_margin=float(settings.settle_margin_seconds),
        resend_margin=float(settings.resend_margin_seconds),
    )
    return Dependencies(
        *operators,
        connections,
        vendors,
        consents_of(settings, database, sealer, vendors),
        records,
        writes,
        CopyDeps(
            **shared(writes),
            copied_comments=PostgresCopiedComments(),
            consumers=foundation.consumers,
            events=events,
        ),
        ConsumerDeps(consumers=foundation.consumers, removals=writes.removals),
        LinkDeps(links=records.links, matches=records.matches),
        Writers(),
        CredentialDeps(database=database, events=events, queue=queue),
        IngestDeps(
            **shared(records),
            receipts=receipts,
            own_writes=PostgresOwnWrites(database, records.states.open, lease=lease),
            events=events,
            queue=queue,
            part_owners=PartOwners(),
            bases=bases,
        ),
        refusals,
        WebhookReceiver(
            intakes,
            group_commit_to(PostgresArrivals(database, sealer, POLICIES)),
            refusals,
            vendors.webhooks,
            vendors.bound,
        ),
        UploadDeps(
            uploads=PostgresUploads(database),
            database=database,
            receipts=receipts,
            queue=queue,
            connections=connections,
            setups=records.setups,
            links=records.links,
            matches=records.matches,
            states=records.states,
            events=events,
            ownership=settings.ownership,
        ),
        OwnershipDeps(ownership=settings.ownership),
        EventDeps(
            events=events,
            subscriptions=PostgresSubscriptions(database, sealer),
            deliveries=PostgresDeliveries(database, sealer),
            database=database,
            poster=poster,
            connections={name: objects_of(one.vendor.name) for name, one in connections.by_name.items()},
            delivery_ladder=settings.delivery_ladder,
        ),
        open_monitoring(settings, database, foundation.former_environments),
        HttpDeps(
            public_url=settings.public_url,
            trace_url=settings.trace_url,
            keys=CachedKeys(
                PostgresKeys(database, environment=settings.environment),
                refusals=refusals,
                former_environments=foundation.former_environments,
            ),
            note_use=foundation.uses.note,
            budgets=Budgets(settings.rate_limit_per_minute, settings.rate_limit_burst),
            wrong_keys=Budgets(WRONG_KEYS_PER_MINUTE, WRONG_KEYS_BURST),
            bodies=Transfers(idle_seconds=idle, seconds=settings.body_timeout_seconds),
            # Not limited by memory: the routes of uploads admit a few at a time.
            exports=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds, most_bytes=sys.maxsize),
            answers=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds),
            cursors=SealedCursors(tuple(key.key for key in keys)),
        ),
    )


def shared(extended: RecordDeps) -> dict[str, Any]:
    """Return the fields of dependencies, for those that extend them."""
    return {field.name: getattr(extended, field.name) for field in fields(extended)}


def _drift(settings: Settings, database: Database, events: PostgresEvents, queue: PostgresQueue) -> DriftDetection:
    telemetry.expect_drift(settings.connections)
    rules = {name: connection.drift for name, connection in settings.connections.items()}
    deps = DriftDeps(drifts=PostgresDrifts(database), database=database, events=events, queue=queue)
    return DriftDetection(deps, settings.drift, rules, settings.public_url)


async def _open_runner(foundation: Foundation, dependencies: Dependencies, queue: PostgresQueue) -> QueueRunner:
    """Configure the lanes, and return the runner of this process."""
    vendors = dependencies.of(VendorDeps)
    await vendors.lanes.configure(lanes_of(foundation.settings, vendors.connections))
    return QueueRunner(
        queue,
        {kind.name: kind.bind(dependencies) for kind in KINDS.values()},
        policies=POLICIES,
        lease_seconds=float(foundation.settings.job_lease_seconds),
        listen=foundation.listener.listen,
    )
