"""Dependencies of drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.drift.store import PostgresDrifts
    from app.events.store.events import PostgresEvents
    from app.postgres.database import Database
    from app.queue.models import Enqueuer


@dataclass(frozen=True, kw_only=True)
class DriftDeps:
    """The store of findings, the database for transactions, and what publishes findings."""

    drifts: PostgresDrifts
    database: Database
    events: PostgresEvents
    queue: Enqueuer
