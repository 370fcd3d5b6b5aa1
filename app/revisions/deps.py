"""Dependencies of the mapping revision operations."""

from dataclasses import dataclass

from app.revisions.models import MappingRoutes, TrialBook


@dataclass(frozen=True, kw_only=True)
class RevisionDeps:
    """The mapping routes, and the results of shadows and canaries."""

    mapping_routes: MappingRoutes
    trial_book: TrialBook
