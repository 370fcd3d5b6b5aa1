"""Steps that a process repeats for as long as it lives, and whether they still come round."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from app.errors import StoreUnavailable

# A loop that has not come round for so long hangs, or for three times its pause where that is longer.
PATIENCE_SECONDS: Final = 60.0
_log = logging.getLogger("lockstitch.worker")

Step = Callable[[], Awaitable[bool]]


class PeriodicTasks:
    """Repeats steps. One that fails is logged and tried again, so that none ends in silence."""

    def __init__(self) -> None:
        self._rounds: dict[str, float] = {}
        self._patience: dict[str, float] = {}

    async def run(self, name: str, seconds: float, step: Step) -> None:
        """Until cancelled: the step, then again at once when it says that there is more, else after about `seconds`."""
        self._patience[name] = max(PATIENCE_SECONDS, 3 * seconds)
        while True:
            self._rounds[name] = time.monotonic()
            try:
                more = await step()
            except StoreUnavailable:
                _log.warning("the database is not available; trying again")
                more = False
            except Exception:  # noqa: BLE001 - one step that fails must not end the worker in silence
                _log.exception("a step of the worker failed; trying again", extra={"step": name})
                more = False
            if not more:
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing

    def hanging(self) -> list[str]:
        """The loops that have not come round for too long."""
        now = time.monotonic()
        return [name for name, began in self._rounds.items() if now - began > self._patience[name]]
