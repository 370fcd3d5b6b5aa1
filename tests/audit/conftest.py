"""An audit trail with a chain."""

from collections.abc import AsyncIterator

import pytest

from tests.audit.audit_chain import SEALED, Chain, chain_on


@pytest.fixture
async def chain(database_url: str) -> AsyncIterator[Chain]:
    """An empty trail."""
    async with chain_on(database_url) as opened:
        yield opened


@pytest.fixture
async def sealed(chain: Chain) -> Chain:
    """A trail with a few events, all of them sealed; their ids are their positions."""
    for _ in range(SEALED // 3):
        await chain.write(3)
    assert await chain.seal_everything() == SEALED
    return chain
