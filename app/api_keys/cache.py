"""Callers' keys without a question to the database for each request: one that was good a moment ago is good still."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.api_keys.store import digest_of
from app.errors import StoreUnavailable
from app.http.callers import Caller, Keys

TRUSTED_SECONDS: Final = 1.0
"""How long a key is good without being looked up: so long may a revoked one still open the door."""
NEAR_ITS_END: Final = timedelta(minutes=1)
"""A key with less left than this is looked up each time, so that it ends by the database's clock and not by ours."""
MOST: Final = 1_000
RECALLED_AFTER: Final = 2.0
"""How many seconds a look-up may take before what is remembered is taken instead, where that is allowed."""


class RememberedKeys:
    """`callers.RecalledKeys` in memory, by digest, before `keys`. Keys that are not good are never remembered."""

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

    async def find_or_recall(self, secret: str) -> Caller | None:
        """Like `find`; while the database does not answer, who held the key when it was last looked up, until it
        expires. Raises StoreUnavailable for a key that is not remembered."""
        asked = asyncio.ensure_future(self.find(secret))
        # Not cancelled: PostgreSQL would have to answer that as well.
        await asyncio.wait({asked}, timeout=RECALLED_AFTER)
        asked.add_done_callback(_retrieve)
        error = asked.exception() if asked.done() else StoreUnavailable("The database does not answer.")
        if error is None:
            return asked.result()
        known = self._known.get(digest_of(secret))
        if not isinstance(error, StoreUnavailable) or known is None or _has_ended(known[0]):
            raise error
        return known[0]


def _retrieve(asked: "asyncio.Future[Caller | None]") -> None:
    """Or asyncio complains about an error that nobody waits for any more."""
    if not asked.cancelled():
        asked.exception()


def _has_ended(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)


def _is_near_its_end(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at - datetime.now(UTC) < NEAR_ITS_END
