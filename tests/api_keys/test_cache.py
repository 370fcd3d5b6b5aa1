"""A key in use costs a question a second, and ends within one."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.api_keys.cache import MOST, TRUSTED_SECONDS, RememberedKeys
from app.api_keys.store import PostgresKeys
from app.http.callers import Caller
from app.postgres.database import Database

pytestmark = pytest.mark.anyio


class Counted(PostgresKeys):
    """The real ones, with how often they were asked."""

    asked = 0

    async def find(self, secret: str) -> Caller | None:
        self.asked += 1
        return await super().find(secret)


class Clock:
    """Stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def keys(database_url: str) -> AsyncIterator[Counted]:
    database = await Database.connect(database_url, max_size=2)
    yield Counted(database)
    await database.close()


async def test_a_key_in_use_is_looked_up_once_a_second(keys: Counted) -> None:
    clock = Clock()
    remembered = RememberedKeys(keys, clock)
    made = await keys.create("n8n", ["customers:read"])

    found = [await remembered.find(made.secret) for _ in range(50)]
    clock.now += TRUSTED_SECONDS - 0.01
    found.append(await remembered.find(made.secret))

    assert {caller.name for caller in found if caller} == {"n8n"}
    assert len([caller for caller in found if caller]) == 51
    assert keys.asked == 1
    clock.now += 0.01
    await remembered.find(made.secret)
    assert keys.asked == 2


async def test_a_revoked_key_ends_within_a_second(keys: Counted) -> None:
    clock = Clock()
    remembered = RememberedKeys(keys, clock)
    made = await keys.create("n8n", ["customers:read"])
    assert await remembered.find(made.secret)

    await keys.revoke("n8n")
    clock.now += TRUSTED_SECONDS

    assert await remembered.find(made.secret) is None
    assert await remembered.find(made.secret) is None


async def test_a_key_near_its_end_is_asked_for_each_time(keys: Counted) -> None:
    remembered = RememberedKeys(keys, Clock())
    made = await keys.create("n8n", ["customers:read"], expires_in=timedelta(seconds=50))

    for _ in range(3):
        assert await remembered.find(made.secret)

    assert keys.asked == 3


async def test_what_is_no_key_is_not_remembered(keys: Counted) -> None:
    remembered = RememberedKeys(keys, Clock())
    secret = "lsk_" + "x" * 43
    assert await remembered.find(secret) is None

    await keys.create("late", ["customers:read"], secret=secret)

    assert await remembered.find(secret)


async def test_keys_do_not_gather(keys: Counted) -> None:
    remembered = RememberedKeys(keys, Clock())
    made = [await keys.create(f"key-{number}", ["customers:read"]) for number in range(3)]
    remembered._known.update({bytes([number % 256, number // 256]): None for number in range(MOST)})  # type: ignore[misc]

    for key in made:
        assert await remembered.find(key.secret)

    assert len(remembered._known) == len(made)
