"""Dependencies of drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.events.deps import AnnounceDeps

if TYPE_CHECKING:
    from app.drift.store import PostgresDrifts


@dataclass(frozen=True, kw_only=True)
class DriftDeps(AnnounceDeps):
    """What publishes findings, and their store."""

    drifts: PostgresDrifts
