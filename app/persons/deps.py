"""Dependencies of the export and erasure of persons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.persons.store import PostgresPersons
    from app.postgres.database import Database
    from app.postgres.encryption import SealedColumn, Sealer
    from app.vendors.models import Connections


@dataclass(frozen=True, kw_only=True)
class PersonDeps:
    """The database, its sealed `columns`, the store of persons, and the connections, whose webhooks name records."""

    database: Database
    sealer: Sealer
    columns: Sequence[SealedColumn]
    persons: PostgresPersons
    connections: Callable[[], Connections]
