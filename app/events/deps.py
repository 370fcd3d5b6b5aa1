"""What the feed, subscriptions and deliveries are given."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.egress.models import Poster
from app.events.models import Deliveries, Events, Subscriptions
from app.postgres.database import Database
from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class EventDeps:
    """`delivery_ladder` holds the seconds between attempts at a delivery; `connections` the objects whose data each
    configured connection may show, none for one of which nothing is mapped."""

    events: Events
    subscriptions: Subscriptions
    deliveries: Deliveries
    database: Database
    poster: Poster
    connections: Mapping[str, tuple[ObjectName, ...]]
    delivery_ladder: tuple[float, ...]
