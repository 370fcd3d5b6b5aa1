"""Dependencies of the feed, subscriptions and deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.egress.models import Poster
from app.events.models import Deliveries, Events, Subscriptions
from app.postgres.database import Transactions
from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class EventDeps:
    """Stores and settings of events.

    `delivery_ladder` holds the seconds between delivery attempts. `connections` maps each configured connection to the
    objects whose data it may show, none if nothing is mapped.
    """

    events: Events
    subscriptions: Subscriptions
    deliveries: Deliveries
    transactions: Transactions
    poster: Poster
    connections: Mapping[str, tuple[ObjectName, ...]]
    delivery_ladder: tuple[float, ...]
