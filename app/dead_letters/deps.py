"""Dependencies of decisions about dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.dead_letters.store.dead_letters import PostgresDeadLetters
    from app.dead_letters.store.redrives import PostgresRedrives
    from app.events.store.subscriptions import PostgresSubscriptions
    from app.postgres.database import Database
    from app.queue.kinds import JobKind, Shown
    from app.queue.models import Enqueuer
    from app.revisions.store.mapping_routes import PostgresMappingRoutes
    from app.settings.briefs import Responsible


@dataclass(frozen=True, kw_only=True)
class DeadLetterDeps:
    """Stores and job kinds. `kinds` are by name; `show` replaces references in the payload of a kind by their data;
    `responsible` are the people for a connection."""

    database: Database
    queue: Enqueuer
    dead_letters: PostgresDeadLetters
    redrives: PostgresRedrives
    mapping_routes: PostgresMappingRoutes
    subscriptions: PostgresSubscriptions
    kinds: Mapping[str, JobKind]
    show: Mapping[str, Callable[[bytes], Awaitable[Shown]]]
    responsible: Mapping[str, Sequence[Responsible]]
