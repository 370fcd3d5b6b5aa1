"""Bodies in transfer, in or out: limits of their duration and of the memory that they hold together, and the rest of a
request body that still arrives when the answer is ready.

A webhook is signed over its body, so an unknown caller can make Lockstitch hold an unfinished body. Any caller can
request a long answer and not read it. Either costs the caller only a connection.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Self

from litestar.types import Receive

from app.errors import MalformedBody, RateLimited
from app.problem_document import Problem

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_DISCARDED: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 1.0
MOST_PIECES: Final = 4096
"""Pieces of a body that may be tiny. The server spends as much on one byte as on 64 KiB."""


class Transfers:
    """Bodies of one kind in one process. Each may stall for `idle_seconds` and take `seconds` in all. When together
    they hold more than `most_bytes`, the one that has stalled longest is dropped: a healthy one moves at once."""

    def __init__(self, *, idle_seconds: float, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._idle = idle_seconds
        self._seconds = seconds
        self._most = most_bytes
        self._held = 0
        self._sizes: dict[Transfer, int] = {}  # the most recently moved is last

    def begin(self) -> "Transfer":
        """Return a block for one body. It raises MalformedBody if that stalls or takes too long, RateLimited if it is
        dropped."""
        return Transfer(self, idle=self._idle, seconds=self._seconds)

    def moved(self, transfer: "Transfer", size: int) -> None:
        """Record that the transfer moved, and holds `size` more bytes."""
        transfer.timer.reschedule(min(transfer.ends, asyncio.get_running_loop().time() + self._idle))
        self._sizes[transfer] = self._sizes.pop(transfer, 0) + size
        self._held += size
        while self._held > self._most:
            slowest = next(iter(self._sizes))
            self.forget(slowest)
            slowest.give_up()

    def forget(self, transfer: "Transfer") -> None:
        """Record that the transfer holds nothing any more."""
        self._held -= self._sizes.pop(transfer, 0)


class Transfer(AbstractAsyncContextManager["Transfer"]):
    """One body in transfer. It may stall for `idle` and take `seconds`. `ends` is a time of the event loop's clock."""

    __slots__ = ("_idle", "_seconds", "_transfers", "ends", "given_up", "timer")

    def __init__(self, transfers: Transfers, *, idle: float, seconds: float) -> None:
        self._transfers = transfers
        self._idle = idle
        self._seconds = seconds
        self.timer = asyncio.timeout(min(idle, seconds))
        self.ends = asyncio.get_running_loop().time() + seconds
        self.given_up = False

    async def __aenter__(self) -> Self:
        await self.timer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._transfers.forget(self)
        try:
            await self.timer.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise self._failure() from None

    def _failure(self) -> Problem:
        if self.given_up:
            return RateLimited("Too many bodies are in transfer at once.", retry_after=1)
        if asyncio.get_running_loop().time() < self.ends:
            return MalformedBody(f"The body stalled for {self._idle:.0f} s.")
        return MalformedBody(f"The body did not end within {self._seconds:.0f} s.")

    def moved(self, size: int = 0) -> None:
        """Record that it moved but has not ended, and that `size` more bytes stay in memory until it ends."""
        if not (self.given_up or self.timer.expired()):
            self._transfers.moved(self, size)

    def give_up(self) -> None:
        """End it at once."""
        if not self.timer.expired():
            self.given_up = True
            self.timer.reschedule(0.0)


class Incoming:
    """The body of one request as it arrives, and how much of it is unread."""

    __slots__ = ("_hopeless", "_missing", "_receive", "ended")

    def __init__(self, receive: Receive, sent: Mapping[str, list[str]]) -> None:
        """`sent` are the values of each header."""
        # A number may have any number of leading zeros.
        announced = sent.get("content-length", ["0"])[-1].lstrip("0") or "0"
        self._receive = receive
        self.ended = announced == "0" and "transfer-encoding" not in sent
        self._missing = int(announced[:12]) if announced.isdecimal() and "transfer-encoding" not in sent else -1
        # After `Expect: 100-continue` the caller need not send it; a longer one would take too long to read.
        self._hopeless = "expect" in sent or not announced.isdecimal() or int(announced[:12]) > MOST_DISCARDED

    async def receive(self) -> Any:
        """Return the next ASGI message of the server. The message with the last announced byte is the last. The server
        would send another one, without content."""
        message: Any = await self._receive()
        if message.get("more_body", False):
            self._missing -= len(message["body"])
            if self._missing != 0:
                return message
            message["more_body"] = False
        self.ended = True
        return message

    async def discard(self) -> bool:
        """Read what is left, within limits: a caller who sends first and listens then would not hear the answer.

        False when something is left even so, which the server would take for the next request.
        """
        if self._hopeless:
            return self.ended
        size = pieces = 0
        # Faults of the rest do not matter; the connection closes after this answer.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.ended and size <= MOST_DISCARDED and pieces < MOST_PIECES:
                    pieces += 1
                    message = await self.receive()
                    size += len(message["body"]) if message["type"] == "http.request" else 0
        return self.ended
