"""Both ends of the road in one process: send webhooks and receive deliveries."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import urlsplit

from benchmarks.road_webhooks import Webhook

SENDERS: Final = 32
_NUMBER: Final = re.compile(rb"road-(\d+)@")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Arrivals:
    """The deliveries so far: the time of the first of each number, and how many came twice."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}
        self.again = 0
        self.connections = 0
        self._left: set[int] = set()
        self._done = asyncio.Event()

    def came(self, number: int) -> None:
        """Record a delivery."""
        if number in self.at:
            self.again += 1
            return
        self.at[number] = time.perf_counter()
        self._left.discard(number)
        if not self._left:
            self._done.set()

    async def all_of(self, numbers: Iterable[int], seconds: float) -> None:
        """Wait until all of them have arrived. Raises RuntimeError after this time."""
        self._left = {number for number in numbers if number not in self.at}
        self._done.clear()
        if not self._left:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._done.wait()
        except TimeoutError:
            raise RuntimeError(f"{len(self._left)} webhooks were not delivered") from None


class _Subscriber(asyncio.Protocol):
    """Answers every POST with 200 and nothing else."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._arrivals.connections += 1

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            announced = _LENGTH.search(self._read, 0, end + 2)
            size = end + 4 + (int(announced[1]) if announced else 0)
            if len(self._read) < size:
                return
            number = _NUMBER.search(self._read, end, size)
            self._transport.write(_OK)
            self._read = self._read[size:]
            if number is not None:
                self._arrivals.came(int(number[1]))


@asynccontextmanager
async def subscriber(port: int) -> AsyncIterator[Arrivals]:
    """Receive deliveries at this port, within the block."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: _Subscriber(arrivals), "127.0.0.1", port)
    try:
        yield arrivals
    finally:
        server.close()


class Sender:
    """Sends webhooks to one URL over kept connections. Any answer except 202 ends the measurement."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, webhook: Webhook) -> None:
        """Send one and read the answer."""
        headers, body = webhook
        head = f"POST {self._url.path} HTTP/1.1\r\nHost: {self._url.netloc}\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        writer.write(f"{head}\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        announced = _LENGTH.search(answer)
        read = await reader.readexactly(int(announced[1])) if announced else b""
        if not answer.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(f"{self._url.geturl()}: {answer!r} {read[:500]!r}")
        self._idle.append((reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._url.hostname, self._url.port)

    def drop(self) -> None:
        """Close the kept connections, because the server closes idle ones."""
        while self._idle:
            self._idle.pop()[1].close()


async def burst(sender: Sender, make: Callable[[int], Webhook], numbers: Iterable[int]) -> None:
    """Send them as fast as they are accepted, with `SENDERS` at once."""
    left = iter(numbers)

    async def one_after_the_other() -> None:
        for number in left:
            await sender.send(make(number))

    await asyncio.gather(*(one_after_the_other() for _ in range(SENDERS)))
    sender.drop()


async def steady(
    sender: Sender, make: Callable[[int], Webhook], numbers: Iterable[int], rate: float
) -> dict[int, float]:
    """Send at this rate. Return when each was due."""
    began = time.perf_counter()
    due = {number: began + place / rate for place, number in enumerate(numbers)}

    async def one(number: int) -> None:
        await asyncio.sleep(due[number] - time.perf_counter())
        await sender.send(make(number))

    await asyncio.gather(*(one(number) for number in due))
    sender.drop()
    return due
