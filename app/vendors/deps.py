"""What calls to vendors, and connections for operators, are given."""

from dataclasses import dataclass

from app.queue.models import Lanes, Pauses
from app.vendors.models import Connections, Vendors


@dataclass(frozen=True, kw_only=True)
class VendorDeps:
    """The configured connections, the one client, and what pauses a connection."""

    connections: Connections
    vendors: Vendors
    lanes: Lanes
    pauses: Pauses
