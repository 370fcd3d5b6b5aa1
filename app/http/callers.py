"""Who calls, and how a key leads to them."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls. `principal` stays the same when the key is rotated; idempotency keys are scoped by it."""

    principal: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None


class Keys(Protocol):
    """Callers' API keys."""

    async def find(self, secret: str) -> Caller | None:
        """Who holds this key, if it is valid now."""


class RecalledKeys(Keys, Protocol):
    """Keys that also work while the database is away."""

    async def find_or_recall(self, secret: str) -> Caller | None:
        """Like `find`; while the database does not answer, who held the key when it was last looked up, until it
        expires. Only for what holds no personal data. Raises StoreUnavailable for a key that is not remembered."""
