"""What the store's tests begin with: a trail with a chain, and the table of Events."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Database
from app.store.events import PostgresEvents
from tests.queue.kit import SEALER
from tests.store.chain_kit import SEALED, Chain, chain_on


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


@pytest.fixture
def events(database: Database) -> PostgresEvents:
    """Of a database with none."""
    return PostgresEvents(database, SEALER)
