"""What every flow is given: the ports, and the little configuration that stories depend on."""

from dataclasses import dataclass

from app.audit.models import Trail
from app.drift.detect import DriftDetection
from app.egress.models import Poster
from app.events.models import Deliveries, Events, RecordStates, Subscriptions
from app.postgres.database import Transactions
from app.queue.models import Enqueuer, Lanes, Pauses
from app.records.models import Links
from app.revisions.models import MappingRoutes
from app.revisions.trials import Trials
from app.uploads.models import Uploads
from app.vendors.models import Connections, Vendors
from app.webhooks.models import Receipts
from app.writes.models import Operations
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
