"""What is fetched for a connection is fetched once, however many ask for it at the same moment."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from app.vendors.connection_state import LiveConnection

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One fetch at a time for each connection: whoever asks meanwhile waits for that one. `what` names the tasks."""

    def __init__(self, fetch: Callable[[LiveConnection], Coroutine[Any, Any, T]], what: str) -> None:
        self._fetch = fetch
        self._what = what
        self._flying: dict[str, asyncio.Task[T]] = {}

    def begin(self, line: LiveConnection) -> asyncio.Task[T]:
        """The fetch that is under way, or a new one."""
        name = line.connection.name
        task = self._flying.get(name)
        if task is None:
            task = self._flying[name] = asyncio.create_task(self._fetch(line), name=f"{self._what} of {name}")
            task.add_done_callback(lambda done: self._landed(name, done))
        return task

    async def wait(self, line: LiveConnection, deadline: float) -> T:
        """What is fetched. Raises TimeoutError at the deadline, on the clock of time.monotonic; the fetch goes on then,
        as others may wait for it."""
        async with asyncio.timeout(deadline - time.monotonic()):
            return await asyncio.shield(self.begin(line))

    async def close(self) -> None:
        """Stop fetching."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, name: str, task: asyncio.Task[T]) -> None:
        del self._flying[name]
        if not task.cancelled():
            task.exception()  # taken note of: nobody may have waited for a fetch in advance
