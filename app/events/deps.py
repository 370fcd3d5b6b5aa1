"""What the feed, subscriptions and deliveries are given."""

from dataclasses import dataclass

from app.egress.models import Poster
from app.events.models import Deliveries, Events, Subscriptions
from app.postgres.database import Transactions


@dataclass(frozen=True, kw_only=True)
class EventDeps:
    """`delivery_ladder` holds the seconds between attempts at a delivery; `connections` the configured names."""

    events: Events
    subscriptions: Subscriptions
    deliveries: Deliveries
    transactions: Transactions
    poster: Poster
    connections: frozenset[str]
    delivery_ladder: tuple[float, ...]
