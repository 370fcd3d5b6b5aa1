"""Callers' keys without a question to the database for each request, whether they are good or wrong."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.api_keys.store import PostgresKeys, digest_of
from app.errors import StoreUnavailable
from app.http.callers import Caller

TRUSTED_SECONDS: Final = 1.0
"""How long an answer about a key holds: so long a revoked key may still open the door, and one that was tried before it
was made may be refused."""
NEAR_ITS_END: Final = timedelta(minutes=1)
"""A key with less left than this is looked up each time, so that it ends by the database's clock and not by ours."""
PAUSE_SECONDS: Final = 0.05
"""Between two look-ups of keys that are not known here. All that come in the meantime are looked up together."""
MOST: Final = 1_000
MOST_WRONG: Final = 10_000
RECALLED_AFTER: Final = 2.0
"""How many seconds a look-up may take before what is remembered is taken instead, where that is allowed."""


class RememberedKeys:
    """A cache of `keys` in memory, by digest.

    A key that was good before is looked up at once. All others, wrong ones included, are batched: guessing keys costs
    the database at most one query in `PAUSE_SECONDS`, and delays a new caller by no more than that.
    """

    def __init__(self, keys: PostgresKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}
        self._wrong: dict[bytes, float] = {}
        self._gathered: set[bytes] = set()
        self._look_up: asyncio.Task[dict[bytes, Caller]] | None = None
        self._turn = asyncio.Lock()

    async def find(self, secret: str) -> Caller | None:
        """Who holds this key, if it was valid within the last second. Raises StoreUnavailable."""
        digest, now = digest_of(secret), self._clock()
        known = self._known.get(digest)
        if known is not None:
            caller, until = known
            if now < until:
                return caller
            found = (await self._keys.find_all([digest])).get(digest)
        elif now < self._wrong.get(digest, now):
            return None
        else:
            found = await self._find_with_others(digest)
        # Counted from before the question: what was revoked while it was answered is not trusted for longer.
        self._remember(digest, found, now)
        return found

    async def _find_with_others(self, digest: bytes) -> Caller | None:
        self._gathered.add(digest)
        if self._look_up is None:
            self._look_up = asyncio.create_task(self._look_up_gathered())
        return (await asyncio.shield(self._look_up)).get(digest)

    async def _look_up_gathered(self) -> dict[bytes, Caller]:
        await self._turn.acquire()
        digests, self._gathered, self._look_up = self._gathered, set(), None
        try:
            return await self._keys.find_all(digests)
        finally:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._turn.release)

    def _remember(self, digest: bytes, caller: Caller | None, now: float) -> None:
        if caller is None:
            self._known.pop(digest, None)
            if len(self._wrong) >= MOST_WRONG:
                self._wrong.clear()
            self._wrong[digest] = now + TRUSTED_SECONDS
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[digest] = caller, now if _is_near_its_end(caller) else now + TRUSTED_SECONDS

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
    """Retrieve the error; otherwise asyncio logs it as never retrieved once every waiter has left."""
    if not asked.cancelled():
        asked.exception()


def _has_ended(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)


def _is_near_its_end(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at - datetime.now(UTC) < NEAR_ITS_END
