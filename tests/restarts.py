"""A PostgreSQL server that no other test uses, and that a test restarts."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.embedded import EmbeddedPostgres

BACKEND: Final = Statement("SELECT backend", "SELECT pg_backend_pid()")
PATIENCE: Final = 60.0


@contextmanager
def own_server() -> Iterator[str]:
    """Run a server, and yield its URL."""
    with TemporaryDirectory(prefix="lockstitch-restarts-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "pg").running(folder / "log") as url:
            yield url


async def restart(database: Database) -> None:
    """Kill a backend: PostgreSQL then ends all sessions, recovers and starts again. Wait until it has."""
    os.kill(await database.fetch_value(BACKEND), signal.SIGKILL)
    give_up = time.monotonic() + PATIENCE
    while True:
        await asyncio.sleep(0.05)
        with suppress(StoreUnavailable):
            await database.fetch_value(BACKEND)
            return
        assert time.monotonic() < give_up, "PostgreSQL does not start again"
