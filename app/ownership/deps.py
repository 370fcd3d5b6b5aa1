"""Dependencies of the ownership operations."""

from dataclasses import dataclass

from app.settings.ownership import Ownership


@dataclass(frozen=True, kw_only=True)
class OwnershipDeps:
    """Who owns what."""

    ownership: Ownership
