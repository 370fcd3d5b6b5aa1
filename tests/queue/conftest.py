"""A queue on a fresh database."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Database
from tests.queue.kit import Kit


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(database_url, max_size=16)
    yield opened
    await opened.close()


@pytest.fixture
def kit(database: Database) -> Kit:
    return Kit(database)
