"""When credentials were last used: noted in memory, written now and then by every process."""

import logging

import pytest

from app.credentials.last_use import LastUse
from app.postgres.database import Database


async def test_a_failed_write_is_not_logged_as_of_the_worker(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = await Database.connect(database_url, max_size=1)
    uses = LastUse(database)
    await database.close()
    with caplog.at_level(logging.WARNING, logger="lockstitch"):
        async with uses.running():
            uses.note("key_1", "shop")
    assert [(one.name, one.levelname) for one in caplog.records] == [("lockstitch.upkeep", "WARNING")]
