"""Run periodic steps for the life of a process, and detect steps of a worker that hang."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from app.errors import StoreUnavailable

# A loop hangs if a round takes longer than this, or than three times its pause if that is longer.
PATIENCE_SECONDS: Final = 60.0
ASK_SECONDS: Final = 0.9
_log = logging.getLogger("lockstitch.worker")
_upkeep_log = logging.getLogger("lockstitch.upkeep")

Step = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def repeating(
    what: str, seconds: float, step: Callable[[], Awaitable[None]], *, at_once: bool = False
) -> AsyncIterator[None]:
    """Run a step of any process every `seconds` during the block, and once at its end; with `at_once` also before it.
    One that fails is tried again next time."""

    async def attempt() -> None:
        try:
            await step()
        except StoreUnavailable:
            _upkeep_log.warning("the database is unavailable; retrying")
        except Exception:  # noqa: BLE001 - a failing step must not end its loop silently
            _upkeep_log.exception("%s could not be written; retrying", what)

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await attempt()

    if at_once:
        await attempt()
    task = asyncio.create_task(repeat(), name=what)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await attempt()


class WhenDue:
    """A step that runs only if something is due. Otherwise it asks again at the time when something will be, when woken
    by a change, or after `ASK_SECONDS`, in case a notification was lost."""

    def __init__(self, due_in: Callable[[], Awaitable[float]], step: Step) -> None:
        self._due_in = due_in
        self._step = step
        self._quiet_until = 0.0
        self._woken = False

    def wake(self) -> None:
        """Ask again."""
        self._quiet_until, self._woken = 0.0, True

    async def __call__(self) -> bool:
        if time.monotonic() < self._quiet_until:
            return False
        self._woken = False
        seconds = await self._due_in()
        if seconds <= 0:
            return await self._step()
        if not self._woken:  # else what was read may be older
            self._quiet_until = time.monotonic() + min(seconds, ASK_SECONDS)
        return False


class PeriodicTasks:
    """Repeats steps. A step that fails is logged and retried, so that no loop ends silently."""

    def __init__(self) -> None:
        self._rounds: dict[str, float] = {}
        self._patience: dict[str, float] = {}

    async def run(self, name: str, seconds: float, step: Step) -> None:
        """Run a step until cancelled: at once if it returned True (more to do), otherwise after about `seconds`."""
        self._patience[name] = max(PATIENCE_SECONDS, 3 * seconds)
        away = False
        while True:
            self._rounds[name] = time.monotonic()
            try:
                more = await step()
                away = False
            except StoreUnavailable:
                if not away:  # once for an outage: on a full disk, logs need room too
                    _log.warning("the database is unavailable; retrying", extra={"step": name})
                away, more = True, False
            except Exception:  # noqa: BLE001 - a failing step must not end its loop silently
                _log.exception("a step of the worker failed; retrying", extra={"step": name})
                more = False
            if not more:
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load

    def hanging(self) -> list[str]:
        """Return the names of the loops that hang."""
        now = time.monotonic()
        return [name for name, began in self._rounds.items() if now - began > self._patience[name]]
