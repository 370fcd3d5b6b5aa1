"""The circuit breaker of one connection's reads, or of its writes, in this process.

closed ── failures in a row ──▶ open ── the pause is over ──▶ half open: one request probes, the others wait for it

Reads and writes are judged apart, by what the mapping says of a request and not by its method: a vendor whose writes
fail can mostly still be read. The first pause is short, because most failures are; each failed probe doubles it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Literal, NoReturn

from app.errors import ConnectionPaused

_log = logging.getLogger("lockstitch.outbound")

Traffic = Literal["reads", "writes"]

# What a caller is told to wait while another request's probe is under way.
PROBE_PATIENCE: Final = 1.0


class Circuit:
    """`failures` in a row pause it for `first_pause` seconds, in the end for `longest_pause`. `show` is called after
    every change of state."""

    def __init__(
        self,
        connection: str,
        title: str,
        traffic: Traffic,
        *,
        failures: int,
        first_pause: float,
        longest_pause: float,
        show: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._title = title
        self._traffic = traffic
        self._most_failures = failures
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._show = show
        self._failures = 0
        self._pauses = 0
        self._until = 0.0
        self._changed = asyncio.Event()
        self.closed = True
        self.probing = False

    @property
    def seconds(self) -> float:
        """What is left of the present pause."""
        return 0.0 if self.closed else max(0.0, self._until - time.monotonic())

    async def enter(self, deadline: float) -> bool:
        """Wait for the outcome of a probe that is under way; whether this request is the next one.

        Raises ConnectionPaused during a pause, and where the probe takes longer than until `deadline`.
        """
        while not self.closed:
            wait = self._until - time.monotonic()
            if wait > 0:
                seconds = f"{max(1, round(wait))} s"
                self._refuse(f"{self._traffic} on {self._connection} are paused for another {seconds}", wait)
            if not self.probing:
                self.probing = True
                self._show()
                return True
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                trying = f"the request that tries {self._traffic} on {self._connection} again has no answer yet"
                self._refuse(trying, PROBE_PATIENCE)
        return False

    def worked(self, probe: bool) -> None:
        """The vendor gave an answer that shows it at work, a definite no included."""
        self._failures = 0
        if probe and self.probing:
            self.close()

    def failed(self, probe: bool) -> None:
        """Nothing came, or something broken."""
        self._failures += 1
        if (probe and self.probing) or (self.closed and self._failures >= self._most_failures):
            self._pause()

    def abandoned(self, probe: bool) -> None:
        """The probe never went out, or nobody saw what came of it: the next request may try."""
        if probe and self.probing:
            self.probing = False
            self._notify()

    def close(self) -> None:
        """Let every request go, and begin to count anew."""
        if self.closed:
            return
        self.closed = True
        self.probing = False
        self._failures = self._pauses = 0
        self._notify()
        _log.info("%s: %s work again", self._connection, self._traffic, extra={"connection": self._connection})

    def _pause(self) -> None:
        pause = min(self._longest_pause, self._first_pause * 2.0 ** min(self._pauses, 20))
        self._pauses += 1
        self._until = time.monotonic() + pause
        self.closed = self.probing = False
        self._notify()
        _log.warning(
            "%s: %s keep failing, and are paused",
            self._connection,
            self._traffic,
            extra={"connection": self._connection, "state": "failing", "seconds": round(pause, 1)},
        )

    def _refuse(self, why: str, wait: float) -> NoReturn:
        raise ConnectionPaused(f"{self._title} keeps failing; {why}.", retry_after=wait)

    def _notify(self) -> None:
        self._show()
        self._changed.set()
        self._changed = asyncio.Event()
