"""Readiness, cached briefly: anyone may probe, any number of times, without a query each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
Verdict = tuple[tuple[str, ...], float | None]
"""The reasons not to serve (none when ready), and the age in seconds of a worker's last heartbeat (None: never
seen)."""
CACHE_SECONDS: Final = 0.5
PROOF_SECONDS: Final = 3.0
"""How long a proof holds that the database can be written. It writes, so it is rarer."""


class CachedCheck(Generic[T]):
    """Caches the result of `check` for some seconds. Concurrent callers share one check."""

    def __init__(self, check: Callable[[], Awaitable[T]], seconds: float = CACHE_SECONDS) -> None:
        self._check = check
        self._seconds = seconds
        self._running: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """Return the result. Raises what `check` raises."""
        if self._running is None:
            self._running = asyncio.create_task(self._check_once())
        return await asyncio.shield(self._running)

    async def _check_once(self) -> T:
        try:
            return await self._check()
        finally:
            asyncio.get_running_loop().call_later(self._seconds, self._forget)

    def _forget(self) -> None:
        self._running = None
