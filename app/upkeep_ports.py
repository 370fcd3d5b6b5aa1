"""Retention as the worker's upkeep sees it."""

from collections.abc import Sequence
from typing import Protocol


class Retention(Protocol):
    """What has ended and has been kept long enough."""

    kinds: Sequence[str]
    """What there is to be removed, in the order in which it may go."""

    async def reap(self, kind: str, limit: int) -> int:
        """Remove at most `limit` rows of one kind, in one short transaction; how many. Raises StoreUnavailable."""
