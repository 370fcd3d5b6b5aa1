"""What decisions about mapping revisions are given."""

from dataclasses import dataclass

from app.revisions.models import MappingRoutes, TrialBook


@dataclass(frozen=True, kw_only=True)
class RevisionDeps:
    """The routes, and what shadows and canaries found."""

    mapping_routes: MappingRoutes
    trial_book: TrialBook
