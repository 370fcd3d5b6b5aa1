"""What every flow is given: the ports, and the little configuration that stories depend on."""

from dataclasses import dataclass

from app.event_ports import Events, Receipts, RecordStates, Trail, Transactions
from app.flows.detect_drift import DriftDetection
from app.flows.trials import Trials
from app.lane_ports import Lanes, Pauses
from app.mapping_ports import MappingRoutes
from app.operation_ports import Operations
from app.ports import Connections, Links, Vendors
from app.posting_ports import Poster
from app.queue_ports import Enqueuer
from app.subscription_ports import Deliveries, Subscriptions
from app.upload_ports import Uploads
from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class Seam:
    """The two threads and what holds them. Times are in seconds.

    `execution_limit` bounds one attempt at a write and is shorter than the lease of an operation, so that whoever
    takes over knows that the first owner has stopped. `settle_margin` is how long after sending a vendor may still be
    carrying out a request whose reply was lost. `queued_writes` are the objects whose writes always wait for their turn
    in the queue. `delivery_ladder` are the waits between attempts at a delivery.
    """

    public_url: str
    connections: Connections
    vendors: Vendors
    operations: Operations
    queued_writes: frozenset[ObjectName]
    links: Links
    transactions: Transactions
    queue: Enqueuer
    lanes: Lanes
    pauses: Pauses
    receipts: Receipts
    events: Events
    states: RecordStates
    trail: Trail
    subscriptions: Subscriptions
    deliveries: Deliveries
    poster: Poster
    mapping_routes: MappingRoutes
    trials: Trials
    drift: DriftDetection
    uploads: Uploads
    delivery_ladder: tuple[float, ...]
    execution_limit: float
    settle_margin: float
