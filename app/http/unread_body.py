"""The rest of a request body that still arrives when the answer is ready."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

from litestar.types import Receive

MOST_DISCARDED: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 1.0
MOST_PIECES: Final = 4096
"""Pieces of a body that may be tiny. The server spends as much on one byte as on 64 KiB."""


class Incoming:
    """The body of one request as it arrives, and how much of it is unread."""

    __slots__ = ("_hopeless", "_missing", "_receive", "ended")

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]]) -> None:
        sent = dict(headers)
        announced = sent.get(b"content-length", b"0")
        self._receive = receive
        self.ended = announced == b"0" and b"transfer-encoding" not in sent
        self._missing = int(announced[:12]) if announced.isdigit() and b"transfer-encoding" not in sent else -1
        # After `Expect: 100-continue` the caller need not send it; a longer one would take too long to read.
        self._hopeless = b"expect" in sent or not announced.isdigit() or int(announced[:12]) > MOST_DISCARDED

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
        if self.ended or self._hopeless:
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
