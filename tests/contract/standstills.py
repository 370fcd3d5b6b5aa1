"""How long processes were kept busy or waiting for a processor, without a pause: a request may have waited so long in
one of them, between the moment at which it may go out and the moment at which it does."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.contract.processes import Process

EVERY: Final = 0.01
# A process that slept for less than this part of a time did not pause.
BUSY: Final = 0.9


class Standstills:
    """Watches the main threads of processes, by the kernel's account of them, and its own delays."""

    def __init__(self, *processes: Process) -> None:
        self._paths = [Path(f"/proc/{one.pid}/schedstat") for one in processes]
        self._stretches: list[list[tuple[float, float]]] = [[] for _ in processes]
        self._ends = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch during the block."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ends.set()
            thread.join()

    def longest(self, since: float, until: float) -> float:
        """Return the seconds of the longest standstill that touches this time, on the clock of time.monotonic."""
        every = (end - start for one in self._stretches for start, end in one if start < until and end > since)
        return max(every, default=0.0)

    def _watch(self) -> None:
        last, busy = time.monotonic(), self._busy()
        while not self._ends.wait(EVERY):
            now, busy_now = time.monotonic(), self._busy()
            for stretches, before, after in zip(self._stretches, busy, busy_now, strict=True):
                # If this thread is late, so may the others have been.
                if after - before >= BUSY * (now - last) or now - last > 3 * EVERY:
                    start = stretches.pop()[0] if stretches and stretches[-1][1] == last else last
                    stretches.append((start, now))
            last, busy = now, busy_now

    def _busy(self) -> Sequence[float]:
        """Return the seconds for which each has run or waited for a processor."""
        return [sum(map(int, path.read_text().split()[:2])) / 1e9 for path in self._paths]
