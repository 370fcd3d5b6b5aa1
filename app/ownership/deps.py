"""Dependencies of the ownership operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings.ownership import Ownership


@dataclass(frozen=True, kw_only=True)
class OwnershipDeps:
    """Who owns what."""

    ownership: Ownership
