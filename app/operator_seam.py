"""What flows for operators are given. All of it is in the database, so that they work while the API is down, and while
vendors are away."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.audit.models import AuditTrail, Trail
from app.dead_letters.models import DeadLetters, Redrives
from app.drift.models import Drifts
from app.events.models import Events
from app.monitoring.models import Runs
from app.postgres.database import Transactions
from app.queue.models import Enqueuer, Lanes, QueueFigures
from app.revisions.models import MappingRoutes, TrialBook
from app.uploads.models import Uploads
from app.webhooks.models import Receipts


@dataclass(frozen=True, kw_only=True)
class OperatorSeam:
    """The queue, its dead letters and what their payloads lead to; the audit trail and the runs; what has
    drifted; the exports that came in."""

    transactions: Transactions
    queue: Enqueuer
    dead_letters: DeadLetters
    redrives: Redrives
    lanes: Lanes
    receipts: Receipts
    events: Events
    audit: AuditTrail
    runs: Runs
    drifts: Drifts
    uploads: Uploads
    trail: Trail
    read_figures: Callable[[], Awaitable[Sequence[QueueFigures]]]
    mapping_routes: MappingRoutes
    trial_book: TrialBook
