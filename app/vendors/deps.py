"""What calls to vendors, and connections for operators, are given."""

from dataclasses import dataclass

from app.queue.lanes import PostgresLanes
from app.queue.pauses import PostgresPauses
from app.vendors.client import VendorClient
from app.vendors.models import Connections


@dataclass(frozen=True, kw_only=True)
class VendorDeps:
    """The configured connections, the one client, and what pauses a connection."""

    connections: Connections
    vendors: VendorClient
    lanes: PostgresLanes
    pauses: PostgresPauses
