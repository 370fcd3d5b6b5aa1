"""Callers' keys without a question to the database for each request: one that was good a moment ago is good still."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.api_keys.store import digest_of
from app.http.callers import Caller, Keys

TRUSTED_SECONDS: Final = 1.0
"""How long a key is good without being looked up: so long may a revoked one still open the door."""
NEAR_ITS_END: Final = timedelta(minutes=1)
"""A key with less left than this is looked up each time, so that it ends by the database's clock and not by ours."""
MOST: Final = 1_000


class RememberedKeys:
    """`ports.Keys` in memory, by digest, before `keys`. Keys that are not good are never remembered."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}

    async def find(self, secret: str) -> Caller | None:
        """Who holds this key, if it was valid within the last second. Raises StoreUnavailable."""
        digest, now = digest_of(secret), self._clock()
        known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        caller = await self._keys.find(secret)
        if caller is None or _is_near_its_end(caller):
            self._known.pop(digest, None)
            return caller
        if len(self._known) >= MOST:
            self._known.clear()
        # Counted from before the question: what was revoked while it was answered is not trusted for longer.
        self._known[digest] = caller, now + TRUSTED_SECONDS
        return caller


def _is_near_its_end(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at - datetime.now(UTC) < NEAR_ITS_END
