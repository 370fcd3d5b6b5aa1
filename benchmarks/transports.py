"""Measure what one request to a vendor costs this process, by httpx transport: `python -m benchmarks.transports`.

The server is a child process that answers 2 KiB over keep-alive connections and does nothing else. CPU is this
process's own. The ratio is to bare aiohttp, the floor. Transports that are not installed are skipped. The last row is
what Lockstitch uses: httpx's requests and replies over httpx-aiohttp, without httpx's client.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any, cast

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from app.egress.transport import Wire
from mappings.http import VendorRequest

REQUESTS = 1500
ROUNDS = 5
ANSWER = b'{"results":[' + b",".join(b'{"id":"%d","email":"ada@example.com"}' % n for n in range(52)) + b"]}"
HEADERS = {"authorization": "Bearer not-a-secret", "accept": "application/json", "accept-encoding": "gzip"}

Send = Callable[[str], Awaitable[int]]


class _Vendor(asyncio.Protocol):
    """Answers every request head with the same bytes; requests have no body."""

    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            self.transport.write(self.head + ANSWER)


def _serve(port: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Vendor, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def _aiohttp_bare(stack: AsyncExitStack) -> Send:
    session = await stack.enter_async_context(aiohttp.ClientSession())

    async def send(url: str) -> int:
        async with session.get(url, headers=HEADERS, allow_redirects=False) as response:
            return len(await response.read())

    return send


async def _through_httpx(stack: AsyncExitStack, transport: httpx.AsyncBaseTransport) -> Send:
    client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, trust_env=False, timeout=10))

    async def send(url: str) -> int:
        async with client.stream("GET", url, headers=HEADERS) as response:
            return len(await response.aread())

    return send


async def _httpcore(stack: AsyncExitStack) -> Send:
    return await _through_httpx(stack, httpx.AsyncHTTPTransport(trust_env=False))


async def _httpx_aiohttp(stack: AsyncExitStack) -> Send:
    return await _through_httpx(stack, AiohttpTransport(trust_env=False))


async def _pyreqwest(stack: AsyncExitStack) -> Send:
    compatibility: Any = import_module("pyreqwest.compatibility.httpx")
    return await _through_httpx(stack, compatibility.HttpxTransport())


async def _wire(stack: AsyncExitStack) -> Send:
    wire = Wire()
    stack.push_async_callback(wire.close)
    headers = list(HEADERS.items())

    async def send(url: str) -> int:
        base_url, _, path = url.rpartition("/crm")
        request = VendorRequest(method="GET", path=f"/crm{path}", route=f"/crm{path}")
        reply = await wire.exchange(base_url, request, headers, seconds=10.0, limit=1_000_000)
        return len(reply.body)

    return send


CONTENDERS: dict[str, Callable[[AsyncExitStack], Awaitable[Send]]] = {
    "aiohttp, bare": _aiohttp_bare,
    "httpx + httpcore (its own)": _httpcore,
    "httpx + httpx-aiohttp": _httpx_aiohttp,
    "httpx + pyreqwest": _pyreqwest,
    "app.egress.transport": _wire,
}


async def _measure(send: Send, url: str, width: int) -> tuple[float, float]:
    """Return the microseconds of CPU and of time for each request, with `width` of them at once."""

    async def worker(count: int) -> None:
        for _ in range(count):
            assert await send(url) == len(ANSWER)

    await worker(50)
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker(REQUESTS // width) for _ in range(width)))
    done = REQUESTS // width * width
    return (time.process_time() - cpu) / done * 1e6, (time.perf_counter() - wall) / done * 1e6


async def _compare(url: str) -> None:
    async with AsyncExitStack() as stack:
        senders = {name: await prepare(stack) for name, prepare in CONTENDERS.items() if _installed(name)}
        print(f"{'transport':28} {'at once':>7} {'CPU µs':>8} {'time µs':>8} {'CPU ratio':>9}")
        for width in (1, 16):
            # Rounds take turns, and the best one counts, because other load is no property of a transport.
            rounds = [{name: await _measure(send, url, width) for name, send in senders.items()} for _ in range(ROUNDS)]
            best = {name: min(round[name] for round in rounds) for name in senders}
            floor, _ = next(iter(best.values()))
            for name, (cpu, wall) in best.items():
                print(f"{name:28} {width:7} {cpu:8.0f} {wall:8.0f} {cpu / floor:9.2f}")


def _installed(name: str) -> bool:
    return not name.endswith("pyreqwest") or find_spec("pyreqwest") is not None


def main() -> None:
    """Print the table."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(sender,), daemon=True)
    server.start()
    sender.close()  # or a server that fails to start would be waited for
    try:
        uvloop.run(_compare(f"http://127.0.0.1:{receiver.recv()}/crm/v3/objects/contacts"))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
