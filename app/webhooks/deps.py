"""Dependencies of webhook ingestion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.records.deps import AppendDeps

if TYPE_CHECKING:
    from app.webhooks.part_owners import PartOwners
    from app.webhooks.store.receipts import PostgresReceipts
    from app.writes.store.copy_bases import PostgresCopyBases
    from app.writes.store.own_writes import PostgresOwnWrites


@dataclass(frozen=True, kw_only=True)
class IngestDeps(AppendDeps):
    """What `ingest` needs: receipts, our own writes, the bases of copies, and whom parts of records belong to."""

    receipts: PostgresReceipts
    own_writes: PostgresOwnWrites
    bases: PostgresCopyBases
    part_owners: PartOwners
