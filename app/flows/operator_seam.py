"""What flows for operators are given. All of it is in the database, so that they work while the API is down, and while
vendors are away."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.audit_ports import AuditTrail
from app.dead_letter_ports import DeadLetters
from app.drift_ports import Drifts
from app.event_ports import Events, Receipts, Trail, Transactions
from app.lane_ports import Lanes, QueueFigures
from app.mapping_ports import MappingRoutes, TrialBook
from app.queue_ports import Enqueuer
from app.redrive_ports import Redrives
from app.run_ports import Runs
from app.upload_ports import Uploads


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
