"""A refresh of tokens goes on while PostgreSQL restarts, and no other process takes it over."""

import asyncio

from app.postgres.database import Database, Statement
from app.postgres.migrate import migrate
from tests.credentials.token_rig import authorise, rig
from tests.emulators.conftest import RunningEmulators
from tests.fixtures import opened
from tests.restarts import own_server, restart

SENT = Statement("SELECT credential", "SELECT sent_version FROM credential WHERE sent_version IS NOT NULL")


server_url = opened(own_server)
"""A server that no other test uses."""


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
