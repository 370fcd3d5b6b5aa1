"""Dependencies of webhook ingestion."""

from dataclasses import dataclass

from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from app.queue.models import Enqueuer
from app.records.deps import RecordDeps
from app.webhooks.part_owners import PartOwners
from app.webhooks.store.receipts import PostgresReceipts
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.own_writes import PostgresOwnWrites


@dataclass(frozen=True, kw_only=True)
class IngestDeps(RecordDeps):
    """What `ingest` needs: receipts, our own writes, and the stores of events, jobs and audit facts."""

    database: Database
    receipts: PostgresReceipts
    own_writes: PostgresOwnWrites
    events: PostgresEvents
    queue: Enqueuer
    bases: PostgresCopyBases
    part_owners: PartOwners
