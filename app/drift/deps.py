"""Dependencies of the drift finding operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.drift.store import PostgresDrifts
from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from app.queue.models import Enqueuer
from app.settings.drift import DriftRule, DriftSettings


@dataclass(frozen=True, kw_only=True)
class DriftDeps:
    """The store of findings, and the database for transactions."""

    drifts: PostgresDrifts
    database: Database


@dataclass(frozen=True, kw_only=True)
class DriftDetectionDeps(DriftDeps):
    """Dependencies of drift detection. `rules` maps connection names to their drift rules."""

    events: PostgresEvents
    queue: Enqueuer
    settings: DriftSettings
    rules: Mapping[str, Sequence[DriftRule]]
    public_url: str
