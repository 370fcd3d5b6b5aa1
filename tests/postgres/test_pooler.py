"""Behind a pooler, the settings of a session arrive. One that gives each transaction another session is refused."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import Complaint, StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.pooler import refuse_transaction_pooling
from app.queue.claim import open_upkeep
from tests.postgres.pgbouncer import pgbouncer
from tests.postgres.relay import over_tcp, relay

Open = Callable[[str], Awaitable[Database]]

SETTING = Statement("SELECT pg_settings", "SELECT current_setting('enable_seqscan')")
KNOWN = {b"user", b"database", b"client_encoding", b"application_name"}
REFUSAL = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter\0\0"


@asynccontextmanager
async def refusing_pooler(url: str, folder: Path) -> AsyncIterator[str]:
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
        await relay((reader, writer), (answers, questions))

    server = await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432")
    try:
        yield f"{url.split('?', maxsplit=1)[0]}?host={folder}"
    finally:
        server.close()


@pytest.mark.parametrize("open_database", [Database.connect, open_upkeep])
async def test_settings_arrive_through_a_pooler(database_url: str, tmp_path: Path, open_database: Open) -> None:
    async with refusing_pooler(database_url, tmp_path) as url:
        database = await open_database(url)
        assert await database.fetch_value(SETTING) == "off"
        await refuse_transaction_pooling(database)
        await database.close()


async def test_pgbouncer_in_session_mode_keeps_the_settings(database_url: str) -> None:
    async with over_tcp(database_url) as port, AsyncExitStack() as stack:
        url = stack.enter_context(pgbouncer(database_url, port, "session"))
        database = await connected(url)
        assert await database.fetch_value(SETTING) == "off"
        await refuse_transaction_pooling(database)
        await database.close()


async def test_pgbouncer_in_transaction_mode_is_refused_by_name(database_url: str) -> None:
    async with over_tcp(database_url) as port, AsyncExitStack() as stack:
        url = stack.enter_context(pgbouncer(database_url, port, "transaction"))
        database = await connected(url)
        with pytest.raises(Complaint, match="pool_mode = session"):
            await refuse_transaction_pooling(database)
        await database.close()


async def connected(url: str) -> Database:
    """Connect as soon as the pooler listens."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await Database.connect(url)
            except StoreUnavailable:
                await asyncio.sleep(0.05)
