"""A vendor on a real socket that does as the test says: answers, stalls, or breaks the connection in many ways."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

Break = Literal["drop", "reset", "hang", "garbage", "half", "endless", "bad_chunk", "drip", "drip_headers", "drip_body"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the vendor sends back; `after` seconds later, once `until` is set."""

    status: int = 200
    body: bytes = b'{"ok":true}'
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0
    until: asyncio.Event | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the vendor received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    client: int  # the caller's port: one for each connection


Behaviour = Reply | Break
DRIPS: Final[dict[Break, tuple[bytes, bytes]]] = {
    "drip": (b"HTTP/1.1 200 ", b"O"),
    "drip_headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "drip_body": (b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b" "),
}
OK = Reply()


@dataclass
class VendorServer:
    """`script` is what happens to the next calls in turn, `always` what happens to all others."""

    port: int = 0
    always: Behaviour | Callable[[Call], Behaviour] = OK
    script: deque[Behaviour] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def then(self, *behaviours: Behaviour) -> None:
        """Append to the script."""
        self.script.extend(behaviours)

    async def received(self, count: int) -> None:
        """Return once so many calls have come in."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(lambda: len(self.calls) >= count)

    def targets(self) -> list[str]:
        """Method and target of every call so far."""
        return [f"{call.method} {call.target}" for call in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        try:
            while await self._answer(await _read(reader, writer), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, call: Call, writer: asyncio.StreamWriter) -> bool:
        async with self._came:
            self.calls.append(call)
            self._came.notify_all()
        if self.script:
            behaviour = self.script.popleft()
        else:
            behaviour = self.always(call) if callable(self.always) else self.always
        if isinstance(behaviour, Reply):
            await self._reply(behaviour, writer)
            return True
        await _break(behaviour, writer)
        return False

    async def _reply(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(reply.after)
        if reply.until is not None:
            await reply.until.wait()
        head = f"HTTP/1.1 {reply.status} Said\r\ncontent-type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        body = b"" if reply.status == 204 else reply.body
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(
        method=method,
        target=target,
        headers=headers,
        body=body,
        at=time.monotonic(),
        client=writer.get_extra_info("peername")[1],
    )


async def _break(how: Break, writer: asyncio.StreamWriter) -> None:
    if how == "reset":
        writer.transport.abort()
    elif how == "hang":
        await asyncio.sleep(60)
    elif how == "garbage":
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
    elif how == "half":
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"ok":')
    elif how == "bad_chunk":
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n")
    elif how in DRIPS:
        # A byte now and then keeps a client waiting that limits only the time between bytes.
        start, drop = DRIPS[how]
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.05)
    elif how == "endless":
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        while True:
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def running_vendor(
    always: Behaviour | Callable[[Call], Behaviour] = OK,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[VendorServer]:
    """A vendor for the length of the block, on a port of its own unless one is named."""
    vendor = VendorServer(always=always)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(vendor.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, port, ssl=tls)
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
