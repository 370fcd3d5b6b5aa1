"""An unavailable database, as when PostgreSQL is full or under maintenance."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from tests.closing import async_closing
from tests.contract.facade import Facade


@contextmanager
def database_down(facade: Facade) -> Iterator[None]:
    """Refuse new connections to the database, and end the existing ones, during the block."""
    name = facade.database_url.partition("?")[0].rpartition("/")[2]
    server = facade.database_url.replace(f"/{name}?", "/template1?")

    async def allow(connections: bool) -> None:
        async with async_closing(asyncpg.connect(server)) as connection:
            await connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {str(connections).lower()}")
            if not connections:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
                )

    asyncio.run(allow(False))
    try:
        yield
    finally:
        asyncio.run(allow(True))
