"""Dependencies of calls to vendors, and of connections for operators."""

from dataclasses import dataclass

from app.queue.models import Lanes, Pauses
from app.vendors.models import Connections, Vendors


@dataclass(frozen=True, kw_only=True)
class VendorDeps:
    """The configured connections, the client, and their lanes and pauses."""

    connections: Connections
    vendors: Vendors
    lanes: Lanes
    pauses: Pauses
