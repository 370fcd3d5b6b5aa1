"""Dependencies of walks."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.postgres.database import Database
from app.queue.models import Enqueuer
from app.walks.models import PullPlan
from app.walks.store import PostgresWalks
from app.webhooks.deps import IngestDeps


@dataclass(frozen=True, kw_only=True)
class WalkDeps(IngestDeps):
    """What walks are given in addition to what reads a record after a webhook: their store."""

    walks: PostgresWalks


@dataclass(frozen=True, kw_only=True)
class PullDeps:
    """What starts pulls: their plans, and the stores of walks and jobs."""

    plans: Sequence[PullPlan]
    walks: PostgresWalks
    database: Database
    queue: Enqueuer
