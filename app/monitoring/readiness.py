"""Readiness, cached briefly: anyone may probe, any number of times, without a query each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

Verdict = tuple[tuple[str, ...], float | None]
"""The reasons not to serve (none when ready), and the age in seconds of a worker's last heartbeat (None: never
seen)."""
CACHE_SECONDS: Final = 0.5


class CachedReadiness:
    """Caches the result of `check` for `CACHE_SECONDS`. Concurrent callers share one check."""

    def __init__(self, check: Callable[[], Awaitable[Verdict]]) -> None:
        self._check = check
        self._running: asyncio.Task[Verdict] | None = None

    async def __call__(self) -> Verdict:
        """Return the verdict. Raises what `check` raises."""
        if self._running is None:
            self._running = asyncio.create_task(self._check_once())
        return await asyncio.shield(self._running)

    async def _check_once(self) -> Verdict:
        try:
            return await self._check()
        finally:
            asyncio.get_running_loop().call_later(CACHE_SECONDS, self._forget)

    def _forget(self) -> None:
        self._running = None
