"""What a caller is still sending when the answer to him is ready."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

from litestar.types import Receive

MOST_DISCARDED: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 1.0


class Incoming:
    """The body of one request as it comes in, and how much of it nobody has read."""

    __slots__ = ("_hopeless", "_receive", "ended")

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]]) -> None:
        told = dict(headers)
        announced = told.get(b"content-length", b"0")
        self._receive = receive
        self.ended = announced == b"0" and b"transfer-encoding" not in told
        # A caller who asked first need not send at all; one who announces that much would be read for too long.
        self._hopeless = b"expect" in told or not announced.isdigit() or int(announced[:12]) > MOST_DISCARDED

    async def receive(self) -> Any:
        """The next message of the server, as ASGI has it."""
        message: Any = await self._receive()
        if not message.get("more_body", False):
            self.ended = True
        return message

    async def discard(self) -> bool:
        """Read what is left, within limits: a caller who sends first and listens then would not hear the answer.

        False when something is left even so, which the server would take for the next request.
        """
        if self.ended or self._hopeless:
            return self.ended
        size = 0
        # Whatever is wrong with the rest is no longer of interest; the connection ends with this answer.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.ended and size <= MOST_DISCARDED:
                    message = await self.receive()
                    size += len(message["body"]) if message["type"] == "http.request" else 0
        return self.ended
