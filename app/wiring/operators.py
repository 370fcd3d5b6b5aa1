"""The dependencies of operators: dead letters, queue, drift, mapping revisions, audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from app.audit.trail import PostgresAuditTrail
from app.copies.deps import consumers_in
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.store.dead_letters import PostgresDeadLetters
from app.dead_letters.store.redrives import PostgresRedrives
from app.dependencies import Dependencies, OnDemand
from app.drift.deps import DriftDeps
from app.drift.store import PostgresDrifts
from app.events.deps import AnnounceDeps, ExtractDeps, FeedDeps, ReplayDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.extracts import PostgresExtracts
from app.events.store.subscriptions import PostgresSubscriptions
from app.links.deps import LinkDeps
from app.links.match_store import PostgresMatches
from app.links.store import PostgresLinks
from app.links.tombstones import Tombstones
from app.monitoring.deps import FailureDeps
from app.persons.deps import PersonDeps
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.queue.deps import QueueDeps
from app.queue.enqueue import JobIntake
from app.queue.figures import count_open_dead_letters, read_figures
from app.queue.lanes import PostgresLanes
from app.queue.models import Enqueuer
from app.revisions.deps import RevisionDeps
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.settings.environment import EncryptionKey, Settings
from app.uploads.deps import ExportDeps
from app.uploads.store import PostgresUploads
from app.walks.backfill.store import PostgresBackfills
from app.walks.deps import BackfillDeps, ReconcileDeps
from app.walks.reconcile.store import PostgresReconciliations
from app.walks.store import PostgresWalks
from app.webhooks.received import ReceiptDeps
from app.webhooks.store.receipts import PostgresReceipts
from app.wiring.connections import KINDS, POLICIES, REOPEN, capabilities
from app.wiring.revisions import revisions_on
from app.writes.deps import ApprovalDeps, CompletionDeps, OperationDeps
from app.writes.store.reader import OperationReader

if TYPE_CHECKING:
    from app.walks.models import ListPlan
    from app.walks.reconcile.models import ReconcilePlan
    from canonical.parts import ObjectName


def operators_on(database: Database, settings: Settings, keys: Sequence[EncryptionKey]) -> Dependencies:
    """Return the dependencies of operators' commands: the database only, so they work while everything else is down."""
    sealer = Sealer(keys)
    secret = DigestSecret(database, sealer)
    deliveries = PostgresDeliveries(database, sealer)
    events = PostgresEvents(database, sealer, deliveries)
    queue, receipts = JobIntake(sealer, POLICIES), PostgresReceipts(database, sealer)
    links = links_of(settings, database, events, queue)
    matches = PostgresMatches(database, secret, links)
    operators = operator_dependencies(settings, database, sealer, events, queue, PostgresMappingRoutes(database))
    return Dependencies(
        *operators,
        consumers_in(database, [one.name for one in settings.consumers]),
        LinkDeps(links=links, matches=matches),
        backfills_of(settings, database, sealer, queue),
        ReconcileDeps(
            plans=lambda: _plans_of(settings),
            reconciliations=PostgresReconciliations(database),
            walks=PostgresWalks(database),
            database=database,
            queue=queue,
        ),
        ExtractDeps(extracts=PostgresExtracts(database, sealer)),
        ReceiptDeps(receipts=receipts),
        OperationDeps(operations=OperationReader(database, sealer)),
        ExportDeps(uploads=PostgresUploads(database), database=database, receipts=receipts, queue=queue),
        on_demand={
            PersonDeps: lambda: persons_of(
                settings, operators[0], sealer, events, matches, Tombstones(database, secret)
            ),
            FeedDeps: lambda: _feed_of(settings, database, sealer, events),
            ReplayDeps: lambda: replays_of(_feed_of(settings, database, sealer, events), database, deliveries, queue),
            FailureDeps: lambda: _failures_of(database, sealer, secret),
            ApprovalDeps: lambda: approvals_of(settings, database, sealer, secret, events, queue),
        },
    )


def operator_dependencies(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    events: PostgresEvents,
    queue: Enqueuer,
    mapping_routes: PostgresMappingRoutes,
) -> tuple[DeadLetterDeps, QueueDeps, DriftDeps, RevisionDeps, PostgresAuditTrail]:
    """Return the dependencies of operators, over HTTP and on the command line."""
    readers = Dependencies(PostgresReceipts(database, sealer), OperationReader(database, sealer))
    return (
        DeadLetterDeps(
            database=database,
            queue=queue,
            dead_letters=PostgresDeadLetters(database, sealer, POLICIES, REOPEN),
            redrives=PostgresRedrives(database),
            mapping_routes=mapping_routes,
            subscriptions=PostgresSubscriptions(database, sealer),
            kinds=KINDS,
            show=OnDemand(
                lambda: {one.name: partial(one.show, readers) for one in KINDS.values() if one.show is not None}
            ),
            responsible=settings.responsible,
        ),
        QueueDeps(
            lanes=PostgresLanes(database),
            read_figures=partial(read_figures, database),
            count_dead_letters=partial(count_open_dead_letters, database),
        ),
        DriftDeps(drifts=PostgresDrifts(database), database=database, events=events, queue=queue),
        revisions_on(database, mapping_routes),
        PostgresAuditTrail(database),
    )


def persons_of(
    settings: Settings,
    dead_letters: DeadLetterDeps,
    sealer: Sealer,
    events: PostgresEvents,
    matches: PostgresMatches,
    erased: Tombstones,
) -> PersonDeps:
    """Return what exports and erases persons."""
    from app.persons.store.erasures import PostgresErasures  # noqa: PLC0415
    from app.persons.store.persons import PostgresPersons  # noqa: PLC0415
    from app.vendors.configured_connections import connections_of  # noqa: PLC0415

    database = dead_letters.database
    return PersonDeps(
        database=database,
        columns=capabilities().SEALED_COLUMNS,
        persons=PostgresPersons(database, sealer),
        erasures=PostgresErasures(database, sealer),
        erased=erased,
        matches=matches,
        dead_letters=dead_letters,
        events=events,
        queue=dead_letters.queue,
        public_url=settings.public_url,
        connections=cache(partial(connections_of, settings)),
    )


def approvals_of(
    settings: Settings,
    database: Database,
    sealer: Sealer,
    secret: DigestSecret,
    events: PostgresEvents,
    queue: Enqueuer,
) -> ApprovalDeps:
    """Return what decides about writes that wait for an approval."""
    from app.events.store.record_states import PostgresRecordStates  # noqa: PLC0415
    from app.writes.completion import Completion  # noqa: PLC0415
    from app.writes.store.approvals import PostgresApprovals  # noqa: PLC0415
    from app.writes.store.copy_bases import PostgresCopyBases  # noqa: PLC0415

    states, bases = PostgresRecordStates(database, sealer, secret), PostgresCopyBases(database, secret)
    completion = Completion(CompletionDeps(events=events, queue=queue, states=states, bases=bases))
    return ApprovalDeps(
        public_url=settings.public_url,
        operations=OperationReader(database, sealer),
        approvals=PostgresApprovals(
            database, sealer, wait=timedelta(seconds=settings.approval_seconds), completion=completion
        ),
        database=database,
        queue=queue,
    )


def backfills_of(settings: Settings, database: Database, sealer: Sealer, queue: Enqueuer) -> BackfillDeps:
    """Return what starts and decides about backfills."""
    return BackfillDeps(
        lists=lambda: _lists_of(settings),
        consumers=settings.consumers,
        subscriptions=PostgresSubscriptions(database, sealer),
        backfills=PostgresBackfills(database),
        walks=PostgresWalks(database),
        database=database,
        queue=queue,
    )


def _feed_of(settings: Settings, database: Database, sealer: Sealer, events: PostgresEvents) -> FeedDeps:
    """Return what reads Events and their subscriptions."""

    def objects_by_connection() -> Mapping[str, tuple[ObjectName, ...]]:
        from app.vendors.configured_connections import connections_of  # noqa: PLC0415
        from mappings.registry import objects_of  # noqa: PLC0415

        return {name: objects_of(one.vendor.name) for name, one in connections_of(settings).by_name.items()}

    return FeedDeps(
        events=events,
        subscriptions=PostgresSubscriptions(database, sealer),
        connections=OnDemand(objects_by_connection),
    )


def replays_of(feed: FeedDeps, database: Database, deliveries: PostgresDeliveries, queue: Enqueuer) -> ReplayDeps:
    """Return what delivers Events again."""
    from app.events.store.replays import PostgresReplays  # noqa: PLC0415

    return ReplayDeps(
        events=feed.events,
        subscriptions=feed.subscriptions,
        connections=feed.connections,
        database=database,
        replays=PostgresReplays(database, deliveries),
        queue=queue,
    )


def _failures_of(database: Database, sealer: Sealer, secret: DigestSecret) -> FailureDeps:
    """Return what finds runs that failed."""
    from app.monitoring.store.failures import PostgresFailures  # noqa: PLC0415
    from app.monitoring.store.runs import PostgresRuns  # noqa: PLC0415

    return FailureDeps(
        runs=PostgresRuns(database),
        failures=PostgresFailures(database),
        operations=OperationReader(database, sealer),
        secret=secret,
    )


def _lists_of(settings: Settings) -> Mapping[tuple[str, ObjectName], ListPlan]:
    from app.vendors.configured_connections import connections_of  # noqa: PLC0415
    from app.walks.plan import lists_of  # noqa: PLC0415

    return lists_of(settings, connections_of(settings))


def _plans_of(settings: Settings) -> Sequence[ReconcilePlan]:
    from app.vendors.configured_connections import connections_of  # noqa: PLC0415
    from app.walks.plan import reconcile_plans_of  # noqa: PLC0415

    return reconcile_plans_of(settings, connections_of(settings))


def links_of(settings: Settings, database: Database, events: PostgresEvents, queue: Enqueuer) -> PostgresLinks:
    """Return the links, whose changes are announced."""
    from app.links.announce import announce  # noqa: PLC0415

    return PostgresLinks(
        database, partial(announce, AnnounceDeps(database=database, events=events, queue=queue)), settings.realms
    )
