"""The circuit breaker of one connection's reads, or of its writes, in this process.

closed ── failures in a row ──▶ open ── the pause ends ──▶ half open: one request probes, the others wait for it

Reads and writes have separate circuits, because a vendor whose writes fail can usually still be read. The mapping, not
the method, says which a request is. Most failures are short, so the first pause is short; each failed probe doubles it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, NoReturn

from app.errors import ConnectionPaused

_log = logging.getLogger("lockstitch.outbound")

Traffic = Literal["reads", "writes"]

# Seconds to wait while another request probes.
PROBE_PATIENCE: Final = 1.0
# Seconds of the longest pause for whose end a read waits. After more failures the vendor is likely to be down, and its
# caller should hear that at once.
SHORT_PAUSE: Final = 3.0


class Probes:
    """Half-open probing: after a pause one request goes first, and the others wait for its outcome. `show` is called
    after every change."""

    def __init__(self, show: Callable[[], None]) -> None:
        self._show = show
        self._changed = asyncio.Event()
        self.running = False

    def begin(self) -> bool:
        """Let a request probe, and return whether it does: not while another one does."""
        if self.running:
            return False
        self.running = True
        self._show()
        return True

    def end(self) -> None:
        """End the probe, if one is running, and wake the requests that wait."""
        self.running = False
        self._show()
        self._changed.set()
        self._changed = asyncio.Event()

    def abandoned(self) -> None:
        """Record that the probe was not sent or its outcome is unknown. The next request may probe."""
        if self.running:
            self.end()

    async def wait(self, seconds: float) -> None:
        """Wait until a probe ends or a pause changes. Raises TimeoutError after so many seconds."""
        async with asyncio.timeout(seconds):
            await self._changed.wait()


class Circuit:
    """Open after `failures` in a row: for `first_pause` seconds, and at most for `longest_pause`. Call `show` after
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
        self._max_failures = failures
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._failures = 0
        self._pauses = 0
        self._until = 0.0
        self._paused_for = 0.0
        self.probes = Probes(show)
        self.closed = True
        self.opened = 0.0
        """When it opened, on the clock of time.monotonic."""

    @property
    def seconds(self) -> float:
        """The seconds left of the current pause."""
        return 0.0 if self.closed else max(0.0, self._until - time.monotonic())

    async def enter(self, deadline: float) -> bool:
        """Wait for the outcome of a running probe, a read for the end of a short pause too, and return whether this
        request is the next probe.

        Raises ConnectionPaused during another pause, or if the probe runs beyond `deadline`.
        """
        while not self.closed:
            wait = self._until - time.monotonic()
            if wait > 0:
                if not self._is_worth_waiting_for(wait, deadline):
                    self.check()
                with suppress(TimeoutError):
                    await self.probes.wait(wait)
                continue
            if self.probes.begin():
                return True
            try:
                await self.probes.wait(deadline - time.monotonic())
            except TimeoutError:
                trying = f"a request that probes {self._traffic} on {self._connection} has no answer yet"
                self._refuse(trying, PROBE_PATIENCE)
        return False

    def check(self) -> None:
        """Raise ConnectionPaused during a pause."""
        wait = self.seconds
        if wait > 0:
            seconds = f"{max(1, round(wait))} s"
            self._refuse(f"{self._traffic} on {self._connection} are paused for another {seconds}", wait)

    def _is_worth_waiting_for(self, wait: float, deadline: float) -> bool:
        """Return whether a request waits for the end of this pause: a read, if the pause is short and its deadline
        later."""
        return self._traffic == "reads" and self._paused_for <= SHORT_PAUSE and time.monotonic() + wait < deadline

    def worked(self, probe: bool) -> None:
        """Record an answer that shows the vendor at work; a definite refusal counts."""
        self._failures = 0
        if probe and self.probes.running:
            self.close()

    def failed(self, probe: bool) -> None:
        """Record a missing or broken answer."""
        self._failures += 1
        if (probe and self.probes.running) or (self.closed and self._failures >= self._max_failures):
            self._pause()

    def close(self) -> None:
        """Admit every request, and reset the counts."""
        if self.closed:
            return
        self.closed = True
        self._failures = self._pauses = 0
        self.probes.end()
        _log.info("%s: %s work again", self._connection, self._traffic, extra={"connection": self._connection})

    def _pause(self) -> None:
        pause = min(self._longest_pause, self._first_pause * 2.0 ** min(self._pauses, 20))
        self._pauses += 1
        now = time.monotonic()
        self.opened = now if self.closed else self.opened
        self._until = now + pause
        self._paused_for = pause
        self.closed = False
        self.probes.end()
        _log.warning(
            "%s: %s keep failing and are paused",
            self._connection,
            self._traffic,
            extra={"connection": self._connection, "state": "failing", "seconds": round(pause, 1)},
        )

    def _refuse(self, why: str, wait: float) -> NoReturn:
        raise ConnectionPaused(f"{self._title} keeps failing; {why}.", retry_after=wait)
