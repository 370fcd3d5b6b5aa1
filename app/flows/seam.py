"""What every flow is given: the ports, and the little configuration that stories depend on."""

from dataclasses import dataclass

from app.event_ports import Events, Receipts, RecordStates, Trail, Transactions
from app.lane_ports import Lanes, Pauses
from app.ports import Connections, Links, Operations, Vendors
from app.queue_ports import Enqueuer


@dataclass(frozen=True, kw_only=True)
class Seam:
    """The two threads and what holds them. Times are in seconds.

    `execution_limit` bounds one attempt at a write and is shorter than the lease of an operation, so that whoever
    takes over knows that the first owner has stopped. `settle_margin` is how long after sending a vendor may still be
    carrying out a request whose reply was lost.
    """

    public_url: str
    connections: Connections
    vendors: Vendors
    operations: Operations
    links: Links
    transactions: Transactions
    queue: Enqueuer
    lanes: Lanes
    pauses: Pauses
    receipts: Receipts
    events: Events
    states: RecordStates
    trail: Trail
    execution_limit: float
    settle_margin: float
