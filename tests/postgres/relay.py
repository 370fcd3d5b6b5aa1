"""Reach a server that listens on a socket of the file system over TCP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from anyio.from_thread import start_blocking_portal

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def relay(one: Streams, other: Streams, silent: asyncio.Event | None = None) -> None:
    """Pass on what either side sends until both have ended; lose it once they are `silent`."""
    silent = silent or asyncio.Event()
    await asyncio.gather(_pass_on(one[0], other[1], silent), _pass_on(other[0], one[1], silent))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, silent: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            if silent.is_set():
                continue
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def over_tcp(url: str, silent: asyncio.Event | None = None, port: int = 0) -> AsyncIterator[int]:
    """Listen on a port of 127.0.0.1, a free one by default, yield it, and pass everything on to the server of `url`, as
    `relay`. At the end, close what is open."""
    opened = list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        try:
            streams = await asyncio.open_unix_connection(f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432")
        except OSError:
            writer.close()
            return
        await relay((reader, writer), streams, silent)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in opened:
            writer.close()


@contextmanager
def over_tcp_in_thread(url: str) -> Iterator[int]:
    """Do the same in a thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(over_tcp(url)) as port:
        yield port
