"""Readiness without a question to the database for each probe: anybody may ask, however often."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

Verdict = tuple[tuple[str, ...], float | None]
"""The reasons not to serve, none when ready, and the age in seconds of a worker's last heartbeat (None: never seen)."""
HOLDS_SECONDS: Final = 0.5


class RememberedReadiness:
    """What `judge` found within the last `HOLDS_SECONDS`. All who ask meanwhile get the same verdict."""

    def __init__(self, judge: Callable[[], Awaitable[Verdict]]) -> None:
        self._judge = judge
        self._judging: asyncio.Task[Verdict] | None = None

    async def __call__(self) -> Verdict:
        """The verdict. Raises what `judge` raises."""
        if self._judging is None:
            self._judging = asyncio.create_task(self._judge_once())
        return await asyncio.shield(self._judging)

    async def _judge_once(self) -> Verdict:
        try:
            return await self._judge()
        finally:
            asyncio.get_running_loop().call_later(HOLDS_SECONDS, self._forget)

    def _forget(self) -> None:
        self._judging = None
