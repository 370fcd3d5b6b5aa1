"""What reading and mapping records is given."""

from dataclasses import dataclass

from app.drift.detect import DriftDetection
from app.records.models import Links
from app.revisions.models import MappingRoutes
from app.revisions.trials import Trials
from app.vendors.models import Connections, Vendors


@dataclass(frozen=True, kw_only=True)
class RecordDeps:
    """The connections and their client, the links, and what chooses, tries and watches mapping revisions."""

    connections: Connections
    vendors: Vendors
    links: Links
    mapping_routes: MappingRoutes
    trials: Trials
    drift: DriftDetection
