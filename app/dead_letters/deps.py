"""Dependencies of decisions about dead letters."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.dead_letters.models import DeadLetters, Redrives
from app.postgres.database import Transactions
from app.queue.kinds import JobKind, Shown
from app.queue.models import Enqueuer
from app.revisions.models import MappingRoutes


@dataclass(frozen=True, kw_only=True)
class DeadLetterDeps:
    """Stores and job kinds. `kinds` are by name; `show` replaces references in the payload of a kind by their data."""

    transactions: Transactions
    queue: Enqueuer
    dead_letters: DeadLetters
    redrives: Redrives
    mapping_routes: MappingRoutes
    kinds: Mapping[str, JobKind]
    show: Mapping[str, Callable[[bytes], Awaitable[Shown]]]
