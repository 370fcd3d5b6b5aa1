"""Limits of bodies in transfer, in or out: their duration, and the memory that they hold together.

A webhook is signed over its body, so an unknown caller can make Lockstitch hold an unfinished body. Any caller can
request a long answer and not read it. Either costs the caller only a connection.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.errors import MalformedBody, RateLimited

MOST_BYTES: Final = 64 * 1024 * 1024


class Transfers:
    """Bodies of one kind in one process. Each may stall for `idle_seconds` and take `seconds` in all. When together
    they hold more than `most_bytes`, the one that has stalled longest is dropped: a healthy one moves at once."""

    def __init__(self, *, idle_seconds: float, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._idle = idle_seconds
        self._seconds = seconds
        self._most = most_bytes
        self._held = 0
        self._sizes: dict[Transfer, int] = {}  # the most recently moved is last

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["Transfer"]:
        """Begin one body. Raises MalformedBody if it stalls or takes too long, RateLimited if it is dropped."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._idle, self._seconds)) as timer:
                transfer = Transfer(self, timer, ends=now + self._seconds)
                try:
                    yield transfer
                finally:
                    self._forget(transfer)
        except TimeoutError:
            if not timer.expired():
                raise
            if transfer.given_up:
                raise RateLimited("Too many bodies are in transfer at once.", retry_after=1) from None
            if asyncio.get_running_loop().time() < transfer.ends:
                raise MalformedBody(f"The body stalled for {self._idle:.0f} s.") from None
            raise MalformedBody(f"The body did not end within {self._seconds:.0f} s.") from None

    def moved(self, transfer: "Transfer", size: int) -> None:
        """Record that the transfer moved, and holds `size` more bytes."""
        transfer.timer.reschedule(min(transfer.ends, asyncio.get_running_loop().time() + self._idle))
        self._sizes[transfer] = self._sizes.pop(transfer, 0) + size
        self._held += size
        while self._held > self._most:
            slowest = next(iter(self._sizes))
            self._forget(slowest)
            slowest.give_up()

    def _forget(self, transfer: "Transfer") -> None:
        self._held -= self._sizes.pop(transfer, 0)


class Transfer:
    """One body in transfer. `ends` is a time of the event loop's clock."""

    __slots__ = ("_transfers", "ends", "given_up", "timer")

    def __init__(self, transfers: Transfers, timer: asyncio.Timeout, *, ends: float) -> None:
        self._transfers = transfers
        self.timer = timer
        self.ends = ends
        self.given_up = False

    def moved(self, size: int = 0) -> None:
        """Record that it moved but has not ended, and that `size` more bytes stay in memory until it ends."""
        if not (self.given_up or self.timer.expired()):
            self._transfers.moved(self, size)

    def give_up(self) -> None:
        """End it at once."""
        if not self.timer.expired():
            self.given_up = True
            self.timer.reschedule(0.0)
