"""Dependencies of reading and mapping records, and of appending what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.drift.detect import DriftDetection
    from app.events.store.events import PostgresEvents
    from app.events.store.record_states import PostgresRecordStates
    from app.links.match_store import PostgresMatches
    from app.links.store import PostgresLinks
    from app.links.tombstones import Tombstones
    from app.postgres.database import Database
    from app.queue.models import Enqueuer
    from app.records.models import ChecksWrites
    from app.revisions.store.mapping_routes import PostgresMappingRoutes
    from app.revisions.trials import Trials
    from app.settings.ownership import Ownership
    from app.vendors.client import VendorClient
    from app.vendors.models import Connections
    from app.vendors.setup_times import PostgresSetupTimes


@dataclass(frozen=True, kw_only=True)
class RecordDeps:
    """The connections, when they were set up, and their client, the links and the matching of customers, who was
    erased, the last-seen states, the routes, trials and drift of mapping revisions, and who owns what."""

    connections: Connections
    setups: PostgresSetupTimes
    vendors: VendorClient
    links: PostgresLinks
    matches: PostgresMatches
    erased: Tombstones
    states: PostgresRecordStates
    mapping_routes: PostgresMappingRoutes
    trials: Trials
    drift: DriftDetection
    ownership: Ownership


@dataclass(frozen=True, kw_only=True)
class AppendDeps(RecordDeps):
    """What `append` needs: the writes of ours, and the stores of Events and jobs."""

    database: Database
    own_writes: ChecksWrites
    events: PostgresEvents
    queue: Enqueuer
