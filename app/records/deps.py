"""What reading and mapping records is given."""

from dataclasses import dataclass

from app.drift.detect import DriftDetection
from app.records.store import PostgresLinks
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.trials import Trials
from app.vendors.client import VendorClient
from app.vendors.models import Connections


@dataclass(frozen=True, kw_only=True)
class RecordDeps:
    """The connections and their client, the links, and what chooses, tries and watches mapping revisions."""

    connections: Connections
    vendors: VendorClient
    links: PostgresLinks
    mapping_routes: PostgresMappingRoutes
    trials: Trials
    drift: DriftDetection
