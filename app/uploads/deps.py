"""Dependencies of the upload operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.events.store.events import PostgresEvents
    from app.events.store.record_states import PostgresRecordStates
    from app.links.match_store import PostgresMatches
    from app.links.store import PostgresLinks
    from app.links.tombstones import Tombstones
    from app.postgres.database import Database
    from app.queue.models import Enqueuer
    from app.settings.ownership import Ownership
    from app.uploads.store import PostgresUploads
    from app.vendors.models import Connections
    from app.vendors.setup_times import PostgresSetupTimes
    from app.webhooks.store.receipts import PostgresReceipts


@dataclass(frozen=True, kw_only=True)
class ExportDeps:
    """Dependencies of recording an export: the database only."""

    uploads: PostgresUploads
    database: Database
    receipts: PostgresReceipts
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class UploadDeps(ExportDeps):
    """Further dependencies of turning rows into Events."""

    connections: Connections
    setups: PostgresSetupTimes
    links: PostgresLinks
    matches: PostgresMatches
    erased: Tombstones
    states: PostgresRecordStates
    events: PostgresEvents
    ownership: Ownership
