"""Dependencies of walks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.events.deps import AnnounceDeps
from app.webhooks.deps import IngestDeps

if TYPE_CHECKING:
    from app.copies.deps import CopyDeps
    from app.events.store.subscriptions import PostgresSubscriptions
    from app.postgres.database import Database
    from app.queue.models import Enqueuer
    from app.settings.consumers import ConsumerSettings
    from app.stock.store import PostgresStock
    from app.walks.backfill.store import PostgresBackfills
    from app.walks.models import FreshnessRule, ListPlan, PullPlan
    from app.walks.reconcile.models import ReconcilePlan
    from app.walks.reconcile.store import PostgresReconciliations
    from app.walks.store import PostgresWalks
    from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class WalkDeps(IngestDeps):
    """What walks are given in addition to what reads a record after a webhook: their stores and that of stock levels,
    the plans of reconciliations, and what makes copies."""

    copies: CopyDeps
    walks: PostgresWalks
    stock: PostgresStock
    reconciled: Mapping[tuple[str, ObjectName], ReconcilePlan]
    reconciliations: PostgresReconciliations


@dataclass(frozen=True, kw_only=True)
class StartDeps:
    """What starts walks: the stores of walks and jobs."""

    walks: PostgresWalks
    database: Database
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class PullDeps(StartDeps):
    """What starts pulls: in addition their plans."""

    plans: Sequence[PullPlan]


@dataclass(frozen=True, kw_only=True)
class ReconcileDeps(StartDeps):
    """What starts reconciliations and lists their findings: in addition their plans and store."""

    plans: Callable[[], Sequence[ReconcilePlan]]
    reconciliations: PostgresReconciliations


@dataclass(frozen=True, kw_only=True)
class BackfillDeps(StartDeps):
    """What starts and decides about backfills: in addition which objects are listed and how, who may get Events, and
    the store."""

    lists: Callable[[], Mapping[tuple[str, ObjectName], ListPlan]]
    consumers: Sequence[ConsumerSettings]
    subscriptions: PostgresSubscriptions
    backfills: PostgresBackfills


@dataclass(frozen=True, kw_only=True)
class FreshnessView:
    """What reads how old the data of connections are."""

    rules: Sequence[FreshnessRule]
    database: Database


@dataclass(frozen=True, kw_only=True)
class FreshnessDeps(AnnounceDeps, FreshnessView):
    """What publishes in addition that they are too old."""
