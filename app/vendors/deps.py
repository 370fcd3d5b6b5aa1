"""Dependencies of calls to vendors, and of connections for operators."""

from dataclasses import dataclass

from app.queue.lanes import PostgresLanes
from app.queue.pauses import PostgresPauses
from app.vendors.client import VendorClient
from app.vendors.models import Connections
from app.vendors.store import PostgresBoundAccounts


@dataclass(frozen=True, kw_only=True)
class VendorDeps:
    """The configured connections, the client, their lanes and pauses, and the accounts that they are bound to."""

    connections: Connections
    vendors: VendorClient
    lanes: PostgresLanes
    pauses: PostgresPauses
    bound: PostgresBoundAccounts
