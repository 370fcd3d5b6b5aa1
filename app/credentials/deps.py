"""Dependencies of credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.events.store.events import PostgresEvents
    from app.postgres.database import Database
    from app.queue.models import Enqueuer


@dataclass(frozen=True, kw_only=True)
class CredentialDeps:
    """What announces due credentials."""

    database: Database
    events: PostgresEvents
    queue: Enqueuer
