"""A clock for tests of pauses and timeouts: time passes while the event loop has nothing to do, and not while it works.

A wait of an hour is over at once, and a machine that stands still makes nothing late. It is for tests whose two sides
run in one event loop: a reply of another process, such as a database, would lose to every timeout.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

import pytest

# How long the loop waits for sockets before its next timer is due: what one side wrote has reached the other by then.
IDLE_SECONDS: Final = 0.002
# How much passes from one reading of the clock to the next: no two moments are the same.
TICK_SECONDS: Final = 1e-6
# The fixtures on which all databases of tests stand.
DATABASES: Final = frozenset(("postgres_url", "lively_postgres_url", "logged"))


class _Selector(selectors.DefaultSelector):
    """A selector that lets time pass instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = 0
        self._now = 1000.0

    def now(self) -> float:
        """Return the time in seconds."""
        self._now += TICK_SECONDS
        return self._now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is and no thread works, the timeout has passed."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(None if self.threads else IDLE_SECONDS)
        if not ready:
            self._now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that knows when threads work for it, such as those that look up names."""

    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._threads = selector

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function in a thread."""
        self._threads.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._returned)
        return future

    def _returned(self, _: object) -> None:
        self._threads.threads -= 1


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | tuple[str, dict[str, Any]]:
    """For a `conftest.py` to import: this clock, also as `time.monotonic`, unless the test waits for a database."""
    if not DATABASES.isdisjoint(request.fixturenames):
        return "asyncio"
    selector = _Selector()
    monkeypatch.setattr(time, "monotonic", selector.now)
    return "asyncio", {"loop_factory": lambda: _Loop(selector)}
