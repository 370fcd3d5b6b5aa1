"""Dependencies of the feed, subscriptions and deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.egress.poster import TargetPoster
    from app.events.store.deliveries import PostgresDeliveries
    from app.events.store.events import PostgresEvents
    from app.events.store.extracts import PostgresExtracts
    from app.events.store.replays import PostgresReplays
    from app.events.store.subscriptions import PostgresSubscriptions
    from app.postgres.database import Database
    from app.queue.models import Enqueuer
    from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class AnnounceDeps:
    """What appends Events in a transaction and enqueues their deliveries."""

    database: Database
    events: PostgresEvents
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class FeedDeps:
    """Stores of events, to read them and their subscriptions. `connections` maps each configured connection to the
    objects whose data it may show, none if nothing is mapped."""

    events: PostgresEvents
    subscriptions: PostgresSubscriptions
    connections: Mapping[str, tuple[ObjectName, ...]]


@dataclass(frozen=True, kw_only=True)
class EventDeps(FeedDeps):
    """What delivers events and changes subscriptions: in addition what posts to targets. `delivery_ladder` holds the
    seconds between delivery attempts."""

    delivery_ladder: tuple[float, ...]
    deliveries: PostgresDeliveries
    database: Database
    poster: TargetPoster


@dataclass(frozen=True, kw_only=True)
class ReplayDeps(FeedDeps):
    """Dependencies of delivering Events again."""

    database: Database
    replays: PostgresReplays
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class ExtractDeps:
    """The store of extracts."""

    extracts: PostgresExtracts
