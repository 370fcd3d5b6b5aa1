"""A refresh of tokens goes on while PostgreSQL restarts, and no other process takes it over."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.migrate import migrate
from tests.credentials.token_rig import PATIENCE, authorise, rig
from tests.emulators.conftest import RunningEmulators

pytestmark = pytest.mark.anyio

BACKEND = Statement("SELECT backend", "SELECT pg_backend_pid()")
SENT = Statement("SELECT credential", "SELECT sent_version FROM credential WHERE sent_version IS NOT NULL")


@pytest.fixture
def server_url() -> Iterator[str]:
    """A server that no other test uses."""
    with TemporaryDirectory(prefix="lockstitch-restarts-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "pg").running(folder / "log") as url:
            yield url


async def restart(database: Database) -> None:
    """Kill a backend: PostgreSQL then ends all sessions, recovers and starts again. Wait until it has."""
    os.kill(await database.fetch_value(BACKEND), signal.SIGKILL)
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        await asyncio.sleep(0.05)
        with suppress(StoreUnavailable):
            await database.fetch_value(BACKEND)
            return


async def test_a_restarted_database_ends_no_refresh_of_another_process(
    emulators: RunningEmulators, server_url: str
) -> None:
    await migrate(server_url)
    database = await Database.connect(server_url)
    address = f"{emulators.url}/zendesk"
    async with rig(server_url, address, "zendesk") as one, rig(server_url, address, "zendesk") as other:
        emulators.limit("zendesk", token_seconds=0)
        await authorise(one)
        await other.vault.refresh()
        emulators.limit("zendesk", token_seconds=3600)
        slow = {"kind": "slow", "delay_ms": 4500}
        emulators.order(vendor="zendesk", fault=slow, match={"path": one.tokens.grant.token_path}, times=1)
        refreshing = asyncio.create_task(one.call())
        while await database.fetch_value(SENT) is None:  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.02)
        await restart(database)
        assert await other.call() == 200  # with the tokens that the first process gets
        assert await refreshing == 200
        assert (one.tokens.version, other.tokens.version, other.tokens.refused) == (2, 2, None)
    await database.close()
