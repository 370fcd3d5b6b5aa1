"""Dependencies of the export and erasure of persons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.dead_letters.deps import DeadLetterDeps
    from app.events.store.events import PostgresEvents
    from app.links.match_store import PostgresMatches
    from app.links.tombstones import Tombstones
    from app.persons.store.erasures import PostgresErasures
    from app.persons.store.persons import PostgresPersons
    from app.postgres.database import Database
    from app.postgres.encryption import SealedColumn
    from app.queue.models import Enqueuer
    from app.vendors.models import Connections


@dataclass(frozen=True, kw_only=True)
class PersonDeps:
    """The database with its sealed `columns`, what finds and erases persons, what ends their dead letters and publishes
    their erasure, and the connections, whose webhooks name records."""

    database: Database
    columns: Sequence[SealedColumn]
    persons: PostgresPersons
    erasures: PostgresErasures
    erased: Tombstones
    matches: PostgresMatches
    dead_letters: DeadLetterDeps
    events: PostgresEvents
    queue: Enqueuer
    public_url: str
    connections: Callable[[], Connections]
