"""The dependencies of mapping revisions: the database alone."""

from app.postgres.database import Database
from app.revisions.deps import RevisionDeps
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook


def revisions_on(database: Database, mapping_routes: PostgresMappingRoutes | None = None) -> RevisionDeps:
    """Return what shows and changes mapping revisions, with the routes that a process has already."""
    routes = mapping_routes or PostgresMappingRoutes(database)
    return RevisionDeps(mapping_routes=routes, trial_book=PostgresTrialBook(database))
