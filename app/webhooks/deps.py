"""Dependencies of webhook ingestion."""

from dataclasses import dataclass

from app.audit.models import Trail
from app.events.models import Events, RecordStates
from app.queue.models import Enqueuer
from app.records.deps import RecordDeps
from app.webhooks.models import Receipts


@dataclass(frozen=True, kw_only=True)
class ReceiptDeps:
    """What showing a receipt to an operator needs."""

    receipts: Receipts


@dataclass(frozen=True, kw_only=True)
class IngestDeps(RecordDeps):
    """What `ingest` needs: receipts, last-seen states, and the stores of events, jobs and audit facts."""

    receipts: Receipts
    states: RecordStates
    events: Events
    queue: Enqueuer
    trail: Trail
