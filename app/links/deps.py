"""Dependencies of links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.links.match_store import PostgresMatches
    from app.links.store import PostgresLinks


@dataclass(frozen=True, kw_only=True)
class LinkDeps:
    """What showing, joining and splitting links and reviewing proposals needs."""

    links: PostgresLinks
    matches: PostgresMatches
