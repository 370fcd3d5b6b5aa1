"""Dependencies of links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.events.store.events import PostgresEvents
    from app.links.match_store import PostgresMatches
    from app.links.store import PostgresLinks
    from app.queue.models import Enqueuer


@dataclass(frozen=True, kw_only=True)
class LinkEventDeps:
    """What announcing a change of links needs."""

    events: PostgresEvents
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class LinkDeps:
    """What showing, joining and splitting links and reviewing proposals needs."""

    links: PostgresLinks
    matches: PostgresMatches
