"""A pooler that refuses parameters of sessions, as PgBouncer does, is no reason not to start."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.postgres.database import Database, Statement
from app.queue.claim import open_upkeep

pytestmark = pytest.mark.anyio

SETTING = Statement("SELECT pg_settings", "SELECT current_setting('enable_seqscan')")
KNOWN = {b"user", b"database", b"client_encoding", b"application_name"}
REFUSAL = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter\0\0"


@asynccontextmanager
async def pooler(url: str, folder: Path) -> AsyncIterator[str]:
    """Lets through connections that ask for nothing but what a pooler knows; the URL by which it is reached."""
    server_socket = f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = await reader.readexactly(4)
        start = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
        if set(start[4:].rstrip(b"\0").split(b"\0")[::2]) - KNOWN:
            writer.write(b"E" + struct.pack("!I", len(REFUSAL) + 4) + REFUSAL)
            writer.close()
            return
        answers, questions = await asyncio.open_unix_connection(server_socket)
        questions.write(length + start)
        await asyncio.gather(_pass_on(reader, questions), _pass_on(answers, writer))

    server = await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432")
    try:
        yield f"{url.split('?', maxsplit=1)[0]}?host={folder}"
    finally:
        server.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@pytest.mark.parametrize("open_database", [Database.connect, open_upkeep])
async def test_what_a_pooler_refuses_is_done_without(database_url: str, tmp_path: Path, open_database: object) -> None:
    direct = await Database.connect(database_url)
    assert await direct.fetch_value(SETTING) == "off"
    await direct.close()

    async with pooler(database_url, tmp_path) as url:
        database = await open_database(url)  # type: ignore[operator]
        assert await database.fetch_value(SETTING) == "on"
        await database.close()
