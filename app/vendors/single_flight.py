"""Fetch something once per connection, however many callers ask at the same time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from app.vendors.connection_state import LiveConnection

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One fetch at a time per connection; callers that ask meanwhile wait for it. `what` names the tasks."""

    def __init__(self, fetch: Callable[[LiveConnection], Coroutine[Any, Any, T]], what: str) -> None:
        self._fetch = fetch
        self._what = what
        self._running: dict[str, asyncio.Task[T]] = {}

    def begin(self, live: LiveConnection) -> asyncio.Task[T]:
        """Return the running fetch, or start one."""
        name = live.connection.name
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = asyncio.create_task(self._fetch(live), name=f"{self._what} of {name}")
            task.add_done_callback(lambda done: self._finished(name, done))
        return task

    async def wait(self, live: LiveConnection, deadline: float) -> T:
        """Return what is fetched. Raises TimeoutError at the deadline, on the clock of time.monotonic; the fetch
        continues for others."""
        async with asyncio.timeout(deadline - time.monotonic()):
            return await asyncio.shield(self.begin(live))

    async def close(self) -> None:
        """Stop fetching."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, name: str, task: asyncio.Task[T]) -> None:
        del self._running[name]
        if not task.cancelled():
            task.exception()  # mark as retrieved: no caller may be waiting for it
