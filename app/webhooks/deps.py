"""What the ingestion of webhooks is given."""

from dataclasses import dataclass

from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.queue.models import Enqueuer
from app.records.deps import RecordDeps
from app.webhooks.store.receipts import PostgresReceipts


@dataclass(frozen=True, kw_only=True)
class ReceiptDeps:
    """What showing a receipt needs."""

    receipts: PostgresReceipts


@dataclass(frozen=True, kw_only=True)
class IngestDeps(RecordDeps):
    """The receipts, the last-seen record states, and where Events, their jobs and audit entries go."""

    receipts: PostgresReceipts
    states: PostgresRecordStates
    events: PostgresEvents
    queue: Enqueuer
