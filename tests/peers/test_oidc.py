"""Tokens from oidc-provider, which revokes the whole grant if a used refresh token is sent again."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.credentials.token_set import NeedsAuthorization
from app.postgres.database import Database
from tests.credentials.token_rig import END_LEASE, PATIENCE, Others, authorise, rig
from tests.peers.losing import losing
from tests.peers.peer import running_peer


@pytest.fixture
def oidc(tmp_path: Path) -> Iterator[str]:
    """The URL of the server. Its access tokens last two seconds."""
    with running_peer("oidc", tmp_path) as url:
        yield url


async def happened(url: str) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{url}/test/events")).json()


async def test_fifty_expiries_consume_fifty_tokens(oidc: str, database_url: str, tmp_path: Path) -> None:
    others = Others(database_url, oidc, "oidc", tmp_path)
    async with rig(database_url, oidc, "oidc") as one:
        await authorise(one)
        give_up = time.monotonic() + 4 * PATIENCE
        try:
            for _ in range(4):
                others.start(5)
            while (one.tokens.version or 0) <= 50:
                assert time.monotonic() < give_up, others.output()
                await asyncio.sleep(0.1)
        finally:
            codes = others.stop()
        assert codes == [0] * 4, others.output()
        await one.vault.refresh()
        counted = await happened(oidc)
        assert counted["refresh_token.consumed"] == (one.tokens.version or 0) - 1 >= 50
    assert (counted["grant.revoked"], counted["grant.error"]) == (0, 0)


@pytest.mark.parametrize("boundary", ["leased", "sent", "replied", "stored"])
async def test_a_refresher_killed_at_each_boundary(
    oidc: str, database: Database, database_url: str, tmp_path: Path, boundary: str
) -> None:
    others = Others(database_url, oidc, "oidc", tmp_path)
    async with rig(database_url, oidc, "oidc") as one:
        await authorise(one)
        assert others.start(1, boundary).wait(PATIENCE) == -9
        await database.execute(END_LEASE)
        await asyncio.sleep(2.1)  # until the access token ends
        if boundary in ("sent", "replied"):
            with pytest.raises(NeedsAuthorization, match="the reply to its last refresh was lost"):
                await one.call()
        else:
            assert await one.call() == 200
    counted = await happened(oidc)
    assert (counted["grant.revoked"], counted["grant.error"]) == (0, 0)


async def test_a_lost_reply_is_not_followed_by_the_same_token(oidc: str, database_url: str) -> None:
    with losing(oidc) as proxy:
        async with rig(database_url, proxy.url, "oidc") as one:
            await authorise(one)
            await asyncio.sleep(2.1)
            proxy.lose("POST", "/token")
            for _ in range(3):
                with pytest.raises(NeedsAuthorization):
                    await one.call()
    counted = await happened(oidc)
    assert counted["refresh_token.consumed"] == 1
    assert (counted["grant.revoked"], counted["grant.error"]) == (0, 0)
