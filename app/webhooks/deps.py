"""What the ingestion of webhooks is given."""

from dataclasses import dataclass

from app.events.models import Events, RecordStates
from app.queue.models import Enqueuer
from app.records.deps import RecordDeps
from app.webhooks.models import Receipts


@dataclass(frozen=True, kw_only=True)
class ReceiptDeps:
    """What showing a receipt needs."""

    receipts: Receipts


@dataclass(frozen=True, kw_only=True)
class IngestDeps(RecordDeps):
    """The receipts, the last-seen record states, and where Events, their jobs and audit entries go."""

    receipts: Receipts
    states: RecordStates
    events: Events
    queue: Enqueuer
