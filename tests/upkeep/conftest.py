"""A database, and rows of any age in it."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(database_url, max_size=4)
    yield opened
    await opened.close()
