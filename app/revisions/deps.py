"""Dependencies of the mapping revision operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.revisions.store.mapping_routes import PostgresMappingRoutes
    from app.revisions.store.trials import PostgresTrialBook


@dataclass(frozen=True, kw_only=True)
class RevisionDeps:
    """The mapping routes, and the results of shadows."""

    mapping_routes: PostgresMappingRoutes
    trial_book: PostgresTrialBook
