"""Dependencies of the drift finding operations."""

from dataclasses import dataclass

from app.drift.models import Drifts
from app.postgres.database import Database


@dataclass(frozen=True, kw_only=True)
class DriftDeps:
    """The store of findings, and the database for transactions."""

    drifts: Drifts
    database: Database
