"""What the feed, subscriptions and deliveries are given."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.egress.poster import TargetPoster
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database
from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class EventDeps:
    """`delivery_ladder` holds the seconds between attempts at a delivery; `connections` the objects whose data each
    configured connection may show, none for one of which nothing is mapped."""

    events: PostgresEvents
    subscriptions: PostgresSubscriptions
    deliveries: PostgresDeliveries
    database: Database
    poster: TargetPoster
    connections: Mapping[str, tuple[ObjectName, ...]]
    delivery_ladder: tuple[float, ...]
