"""What decisions about dead letters are given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.dead_letters.models import DeadLetters, Redrives
from app.postgres.database import Database
from app.queue.kinds import JobKind, Shown
from app.queue.models import Enqueuer
from app.revisions.models import MappingRoutes


@dataclass(frozen=True, kw_only=True)
class DeadLetterDeps:
    """`kinds` are all job kinds by name; `show` makes the payload of a kind legible where it names only a place."""

    database: Database
    queue: Enqueuer
    dead_letters: DeadLetters
    redrives: Redrives
    mapping_routes: MappingRoutes
    kinds: Mapping[str, JobKind]
    show: Mapping[str, Callable[[bytes], Awaitable[Shown]]]
