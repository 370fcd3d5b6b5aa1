"""Fetch something once per connection and subject, however many callers ask at the same time."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from app.vendors.connection_state import LiveConnection

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One fetch at a time per connection and subject; callers that ask meanwhile wait for it. `what` names the
    tasks."""

    def __init__(self, fetch: Callable[..., Coroutine[Any, Any, T]], what: str) -> None:
        """`fetch` takes the connection and the subject."""
        self._fetch = fetch
        self._what = what
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    def begin(self, live: LiveConnection, *subject: Hashable) -> asyncio.Task[T]:
        """Return the running fetch, or start one."""
        key = (live.connection.name, *subject)
        task = self._running.get(key)
        if task is None:
            name = f"{self._what} of {live.connection.name}"
            task = self._running[key] = asyncio.create_task(self._fetch(live, *subject), name=name)
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    async def wait(self, live: LiveConnection, deadline: float, *subject: Hashable) -> T:
        """Return what is fetched. Raises TimeoutError at the deadline, on the clock of time.monotonic; the fetch
        continues for others."""
        async with asyncio.timeout(deadline - time.monotonic()):
            return await asyncio.shield(self.begin(live, *subject))

    async def close(self) -> None:
        """Stop fetching."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # mark as retrieved: no caller may be waiting for it
