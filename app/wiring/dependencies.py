"""Build the dependencies of all routes and jobs of a process."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from typing import Any, Final

from prometheus_client import Metric

from app import telemetry
from app.api_keys.cache import CachedKeys
from app.api_keys.store import PostgresKeys
from app.audit.refused_requests import RefusedRequests
from app.capabilities import POLICIES
from app.claims.store import PostgresClaims
from app.console.store import PostgresSessions
from app.copies.consumers import Consumer
from app.copies.deps import ConsumerDeps, CopyDeps
from app.credentials.last_use import LastUse
from app.credentials.secrets import Secrets
from app.dependencies import Dependencies
from app.egress.poster import TargetPoster, open_poster
from app.egress.rules import EgressRules
from app.errors import Complaint, StoreUnavailable
from app.events.deps import AnnounceDeps, EventDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.subscriptions import PostgresSubscriptions
from app.http.bodies import Transfers
from app.http.cursors import SealedCursors
from app.http.deps import HttpDeps
from app.http.rate_limit import Budgets, SharedBudgets
from app.links.deps import LinkDeps
from app.monitoring.deps import MonitoringDeps
from app.monitoring.readiness import PROOF_SECONDS, CachedCheck, Verdict
from app.monitoring.store import heartbeats
from app.monitoring.store.failures import PostgresFailures
from app.monitoring.store.gauges import Gauges
from app.monitoring.store.runs import PostgresRuns
from app.ownership.deps import OwnershipDeps
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import claim
from app.postgres.fault import DatabaseFault, fault_of
from app.postgres.listen import Listener
from app.postgres.migrate import schema_fault
from app.postgres.write_proof import write_fault
from app.queue.jobs import PostgresQueue
from app.records.deps import RecordDeps
from app.settings.environment import EncryptionKey, Settings, is_production
from app.stock.store import PostgresStock
from app.uploads.deps import UploadDeps
from app.uploads.metrics import expect_uploads
from app.uploads.store import PostgresUploads
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessDeps, PullDeps, ReconcileDeps, WalkDeps
from app.walks.metrics import expect_findings
from app.walks.plan import pull_plans_of, reconcile_plans_of
from app.walks.pull.freshness import measure_freshness, rules_of
from app.walks.reconcile.store import PostgresReconciliations
from app.walks.store import PostgresWalks
from app.webhooks.deps import IngestDeps
from app.webhooks.part_owners import PartOwners
from app.webhooks.receive import WebhookReceiver
from app.webhooks.store.receipts import PostgresArrivals, PostgresReceipts, group_commit_to
from app.webhooks.webhook_connections import load_webhook_connections
from app.wiring.connections import consents_of, figures_of
from app.wiring.operators import backfills_of, operator_dependencies, persons_of, replays_of
from app.writes.completion import Completion
from app.writes.deps import CompletionDeps, WriteDeps
from app.writes.idempotency import Writers
from app.writes.store.approvals import PostgresApprovals
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.operations import PostgresOperations
from app.writes.store.own_writes import PostgresOwnWrites
from app.writes.store.reader import OperationReader
from app.writes.store.removals import PostgresRemovals
from mappings.registry import objects_of

# For each address.
WRONG_KEYS_PER_MINUTE: Final = 120
WRONG_KEYS_BURST: Final = 100
# One attempt at a write ends well before its lease, so that two owners never overlap.
ATTEMPT_SHARE: Final = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The database, encryption and secrets, and Events with their consumers. Readiness adds to
    `former_environments`."""

    settings: Settings
    keys: Sequence[EncryptionKey]
    former_environments: set[str]
    database_url: str
    listener: Listener
    cached: CachedTables
    database: Database
    sealer: Sealer
    secret: DigestSecret
    secrets: Secrets
    uses: LastUse
    events: PostgresEvents
    consumers: Mapping[str, Consumer]


async def open_dependencies(
    stack: AsyncExitStack,
    foundation: Foundation,
    queue: PostgresQueue,
    vendors: VendorDeps,
    records: RecordDeps,
    *,
    works: bool,
) -> Dependencies:
    """Return the dependencies of all routes and jobs. A process that `works` receives no webhooks."""
    settings, database, events = foundation.settings, foundation.database, foundation.events
    egress = EgressRules(settings.egress_allow)
    poster = await stack.enter_async_context(open_poster(egress, seconds=float(settings.delivery_timeout_seconds)))
    refusals = RefusedRequests(database)
    writes = _writes(foundation, queue, poster, records)
    ingest = _ingest(foundation, queue, records, writes.bases)
    copies = CopyDeps(**_fields(writes), consumers=foundation.consumers, events=events)
    freshness = FreshnessDeps(
        rules=rules_of(settings, records.connections), database=database, events=events, queue=queue
    )
    operators = operator_dependencies(settings, database, foundation.sealer, events, queue, records.mapping_routes)
    subscribed = _events(foundation, poster, records)
    return Dependencies(
        *operators,
        records.connections,
        vendors,
        consents_of(settings, database, foundation.sealer, vendors),
        records,
        writes,
        copies,
        ConsumerDeps(consumers=foundation.consumers, removals=writes.removals),
        LinkDeps(links=records.links, matches=records.matches),
        persons_of(settings, operators[0], foundation.sealer, events, records.matches, records.erased),
        PostgresClaims(database),
        PostgresSessions(database),
        PostgresStock(database),
        Writers(),
        AnnounceDeps(database=database, events=events, queue=queue),
        ingest,
        *_walks(foundation, ingest, copies),
        freshness,
        backfills_of(settings, database, foundation.sealer, queue),
        refusals,
        _receiver(foundation, vendors, refusals, works=works),
        _uploads(foundation, ingest),
        OwnershipDeps(ownership=settings.ownership),
        subscribed,
        replays_of(subscribed, database, subscribed.deliveries, queue),
        open_monitoring(
            *(settings, database, foundation.sealer, foundation.secret, foundation.former_environments),
            partial(measure_freshness, freshness),
        ),
        _http(foundation, refusals),
    )


def _writes(foundation: Foundation, queue: PostgresQueue, poster: TargetPoster, records: RecordDeps) -> WriteDeps:
    settings, database, sealer = foundation.settings, foundation.database, foundation.sealer
    bases = PostgresCopyBases(database, foundation.secret)
    completion = Completion(CompletionDeps(events=foundation.events, queue=queue, states=records.states, bases=bases))
    return WriteDeps(
        **_fields(records),
        bases=bases,
        removals=PostgresRemovals(database),
        public_url=settings.public_url,
        operations=PostgresOperations(
            database,
            sealer,
            lease=timedelta(seconds=settings.operation_lease_seconds),
            retention=timedelta(days=settings.operation_retention_days),
            completion=completion,
        ),
        approvals=PostgresApprovals(
            database, sealer, wait=timedelta(seconds=settings.approval_seconds), completion=completion
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


def _ingest(foundation: Foundation, queue: PostgresQueue, records: RecordDeps, bases: PostgresCopyBases) -> IngestDeps:
    database, lease = foundation.database, timedelta(seconds=foundation.settings.operation_lease_seconds)
    return IngestDeps(
        **_fields(records),
        database=database,
        receipts=PostgresReceipts(database, foundation.sealer),
        own_writes=PostgresOwnWrites(database, records.states.open, lease=lease),
        events=foundation.events,
        queue=queue,
        part_owners=PartOwners(),
        bases=bases,
    )


def _walks(foundation: Foundation, ingest: IngestDeps, copies: CopyDeps) -> tuple[WalkDeps, ReconcileDeps, PullDeps]:
    walks = PostgresWalks(foundation.database)
    plans = pull_plans_of(foundation.settings, ingest.connections)
    reconciled = reconcile_plans_of(foundation.settings, ingest.connections)
    expect_findings(reconciled)
    reconciliations = PostgresReconciliations(foundation.database)
    by_object = {(one.connection, one.object): one for one in reconciled}
    return (
        WalkDeps(
            **_fields(ingest),
            copies=copies,
            walks=walks,
            stock=PostgresStock(foundation.database),
            reconciled=by_object,
            reconciliations=reconciliations,
        ),
        ReconcileDeps(
            plans=lambda: reconciled,
            reconciliations=reconciliations,
            walks=walks,
            database=foundation.database,
            queue=ingest.queue,
        ),
        PullDeps(plans=plans, walks=walks, database=foundation.database, queue=ingest.queue),
    )


def _receiver(
    foundation: Foundation, vendors: VendorDeps, refusals: RefusedRequests, *, works: bool
) -> WebhookReceiver:
    settings, connections = foundation.settings.connections, vendors.connections
    # A worker verifies no webhooks, so it does not need these secrets.
    receiving = {} if works else load_webhook_connections(settings, connections, foundation.secrets)
    arrivals = PostgresArrivals(foundation.database, foundation.sealer, POLICIES)
    return WebhookReceiver(receiving, group_commit_to(arrivals), refusals, vendors.webhooks, vendors.bound)


def _uploads(foundation: Foundation, ingest: IngestDeps) -> UploadDeps:
    shared = {field.name: getattr(ingest, field.name) for field in fields(UploadDeps) if field.name != "uploads"}
    return UploadDeps(uploads=PostgresUploads(foundation.database), **shared)


def _events(foundation: Foundation, poster: TargetPoster, records: RecordDeps) -> EventDeps:
    database, sealer = foundation.database, foundation.sealer
    return EventDeps(
        events=foundation.events,
        subscriptions=PostgresSubscriptions(database, sealer),
        deliveries=PostgresDeliveries(database, sealer),
        database=database,
        poster=poster,
        connections={name: objects_of(one.vendor.name) for name, one in records.connections.by_name.items()},
        delivery_ladder=foundation.settings.delivery_ladder,
    )


def _http(foundation: Foundation, refusals: RefusedRequests) -> HttpDeps:
    settings, former = foundation.settings, foundation.former_environments
    keys = PostgresKeys(foundation.database, environment=settings.environment)
    idle = settings.body_idle_timeout_seconds
    return HttpDeps(
        public_url=settings.public_url,
        trace_url=settings.trace_url,
        keys=CachedKeys(keys, refusals=refusals, former_environments=former),
        note_use=foundation.uses.note,
        budgets=SharedBudgets(foundation.database, settings.rate_limit_per_minute, settings.rate_limit_burst),
        wrong_keys=Budgets(WRONG_KEYS_PER_MINUTE, WRONG_KEYS_BURST),
        bodies=Transfers(idle_seconds=idle, seconds=settings.body_timeout_seconds),
        # Not limited by memory: the routes of uploads admit a few at a time.
        exports=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds, most_bytes=sys.maxsize),
        answers=Transfers(idle_seconds=idle, seconds=settings.upload_timeout_seconds),
        cursors=SealedCursors(tuple(key.key for key in foundation.keys)),
    )


def _fields(extended: RecordDeps | EventDeps) -> dict[str, Any]:
    """Return the fields of dependencies, for those that extend them."""
    return {field.name: getattr(extended, field.name) for field in fields(extended)}


def open_monitoring(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    secret: DigestSecret,
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
        secret=secret,
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
