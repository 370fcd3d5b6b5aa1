"""Dependencies of walks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.events.store.events import PostgresEvents
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database
from app.queue.models import Enqueuer
from app.settings.consumers import ConsumerSettings
from app.walks.backfill_store import PostgresBackfills
from app.walks.models import FreshnessRule, ListPlan, PullPlan
from app.walks.reconcile_models import ReconcilePlan
from app.walks.reconcile_store import PostgresReconciliations
from app.walks.store import PostgresWalks
from app.webhooks.deps import IngestDeps
from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class WalkDeps(IngestDeps):
    """What walks are given in addition to what reads a record after a webhook: their store."""

    walks: PostgresWalks
    reconciled: Mapping[tuple[str, ObjectName], ReconcilePlan]
    reconciliations: PostgresReconciliations


@dataclass(frozen=True, kw_only=True)
class ReconcileDeps:
    """What starts reconciliations and lists their findings: their plans, and the stores."""

    plans: Callable[[], Sequence[ReconcilePlan]]
    reconciliations: PostgresReconciliations
    walks: PostgresWalks
    database: Database
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class PullDeps:
    """What starts pulls: their plans, and the stores of walks and jobs."""

    plans: Sequence[PullPlan]
    walks: PostgresWalks
    database: Database
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class FreshnessDeps:
    """What reads how old the data of connections are, and publishes that they are too old."""

    rules: Sequence[FreshnessRule]
    database: Database
    events: PostgresEvents
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class BackfillDeps:
    """What starts and decides about backfills: which objects are listed and how, who may get Events, and the stores."""

    lists: Callable[[], Mapping[tuple[str, ObjectName], ListPlan]]
    consumers: Sequence[ConsumerSettings]
    subscriptions: PostgresSubscriptions
    backfills: PostgresBackfills
    walks: PostgresWalks
    database: Database
    queue: Enqueuer
