"""Cache of API keys: valid and wrong keys without a query for each request."""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from app.api_keys.store import PostgresKeys, digest_of, environment_of
from app.audit.refused_requests import RefusedRequests
from app.errors import StoreUnavailable
from app.http.callers import Caller

CACHE_SECONDS: Final = 1.0
"""How long a result is cached: a revoked key may still work, and a key tried before its creation may be refused, for
this long."""
NEAR_EXPIRY: Final = timedelta(minutes=1)
"""A key with less time left is looked up each time, so that it expires by the database's clock."""
PAUSE_SECONDS: Final = 0.05
"""The pause between two queries for unknown keys. Keys that arrive meanwhile are looked up together."""
MAX_KNOWN: Final = 1_000
MAX_WRONG: Final = 10_000
RECALL_SECONDS: Final = 2.0
"""Seconds that a query may take before `find_or_recall` uses the cache."""


class CachedKeys:
    """A cache by digest in front of `keys`.

    A key that was valid before is looked up at once. All others, including wrong ones, are batched: guessing keys costs
    the database at most one query per `PAUSE_SECONDS`, and delays a new caller by no more than that.
    """

    def __init__(
        self,
        keys: PostgresKeys,
        clock: Callable[[], float] = time.monotonic,
        *,
        refusals: RefusedRequests | None = None,
        former_environments: Collection[str] = (),
    ) -> None:
        """`refusals` audits keys of other environments. `former_environments` are former names of this one, and may
        grow."""
        self._keys = keys
        self._former = former_environments
        self._refusals = refusals
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}
        self._wrong: dict[bytes, float] = {}
        self._pending: set[bytes] = set()
        self._query: asyncio.Task[dict[bytes, Caller]] | None = None
        self._query_lock = asyncio.Lock()

    def refuse_foreign(self, secret: str) -> str | None:
        """Return why a key is refused without a query: it names another environment. None if it does not."""
        ours, named = self._keys.environment, environment_of(secret)
        if named is None or named == ours or named in self._former:
            return None
        if self._refusals is not None:
            self._refusals.note("api_key.refused", ours, named)
        return f"The API key belongs to the environment {named}, and this is {ours}."

    async def find(self, secret: str) -> Caller | None:
        """Return the holder of this key if it was valid within the last second. Raises StoreUnavailable."""
        digest, now = digest_of(secret), self._clock()
        known = self._known.get(digest)
        if known is not None:
            caller, until = known
            if now < until:
                return caller
            match = (await self._keys.find_all([digest])).get(digest)
        elif now < self._wrong.get(digest, now):
            return None
        else:
            match = await self._find_with_others(digest)
        # Counted from before the query, so that a key revoked during it is not trusted for longer.
        self._remember(digest, match, now)
        return match

    async def _find_with_others(self, digest: bytes) -> Caller | None:
        self._pending.add(digest)
        if self._query is None:
            self._query = asyncio.create_task(self._query_pending())
        return (await asyncio.shield(self._query)).get(digest)

    async def _query_pending(self) -> dict[bytes, Caller]:
        await self._query_lock.acquire()
        digests, self._pending, self._query = self._pending, set(), None
        try:
            return await self._keys.find_all(digests)
        finally:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._query_lock.release)

    def _remember(self, digest: bytes, caller: Caller | None, now: float) -> None:
        if caller is None:
            self._known.pop(digest, None)
            if len(self._wrong) >= MAX_WRONG:
                self._wrong.clear()
            self._wrong[digest] = now + CACHE_SECONDS
            return
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[digest] = caller, now if _is_near_expiry(caller) else now + CACHE_SECONDS

    async def find_or_recall(self, secret: str) -> Caller | None:
        """Like `find`. While the database does not answer, return the cached holder of an unexpired key. Raises
        StoreUnavailable if it is not cached."""
        lookup = asyncio.ensure_future(self.find(secret))
        # Not cancelled, because PostgreSQL would have to process the cancel too.
        await asyncio.wait({lookup}, timeout=RECALL_SECONDS)
        lookup.add_done_callback(_retrieve)
        error = lookup.exception() if lookup.done() else StoreUnavailable("The database does not answer.")
        if error is None:
            return lookup.result()
        known = self._known.get(digest_of(secret))
        if not isinstance(error, StoreUnavailable) or known is None or _is_expired(known[0]):
            raise error
        return known[0]


def _retrieve(lookup: "asyncio.Future[Caller | None]") -> None:
    """Retrieve the error; otherwise asyncio logs it as never retrieved once every waiter has left."""
    if not lookup.cancelled():
        lookup.exception()


def _is_expired(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)


def _is_near_expiry(caller: Caller) -> bool:
    return caller.expires_at is not None and caller.expires_at - datetime.now(UTC) < NEAR_EXPIRY
