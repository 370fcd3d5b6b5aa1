"""A key in use costs a question a second, and ends within one. Wrong keys cost next to none, however many come."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from datetime import timedelta

import pytest

from app.api_keys.cache import CACHE_SECONDS, MAX_KNOWN, MAX_WRONG, PAUSE_SECONDS, CachedKeys
from app.api_keys.store import PostgresKeys, digest_of
from app.http.callers import Caller
from app.postgres.database import Database

WRONG = "lsk_wrong"


class Counted(PostgresKeys):
    """The real ones, with how often they were asked."""

    lookups = 0
    wrong_answered: asyncio.Event | None = None

    async def find_all(self, digests: Collection[bytes]) -> dict[bytes, Caller]:
        self.lookups += 1
        if self.wrong_answered is not None and digest_of(WRONG) in digests:
            await self.wrong_answered.wait()
        return await super().find_all(digests)


class Clock:
    """Stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def keys(database_url: str) -> AsyncIterator[Counted]:
    database = await Database.connect(database_url, max_size=2, acquire_timeout=60.0)
    yield Counted(database)
    await database.close()


async def test_a_key_in_use_is_looked_up_once_a_second(keys: Counted) -> None:
    clock = Clock()
    remembered = CachedKeys(keys, clock)
    made = await keys.create("n8n", ["customers:read"])

    callers = [await remembered.find(made.secret) for _ in range(50)]
    clock.now += CACHE_SECONDS - 0.01
    callers.append(await remembered.find(made.secret))

    assert {caller.name for caller in callers if caller} == {"n8n"}
    assert len([caller for caller in callers if caller]) == 51
    assert keys.lookups == 1
    clock.now += 0.01
    await remembered.find(made.secret)
    assert keys.lookups == 2


async def test_a_revoked_key_ends_within_a_second(keys: Counted) -> None:
    clock = Clock()
    remembered = CachedKeys(keys, clock)
    made = await keys.create("n8n", ["customers:read"])
    assert await remembered.find(made.secret)

    await keys.revoke("n8n")
    clock.now += CACHE_SECONDS

    assert await remembered.find(made.secret) is None
    assert await remembered.find(made.secret) is None


async def test_a_key_near_its_end_is_asked_for_each_time(keys: Counted) -> None:
    remembered = CachedKeys(keys, Clock())
    made = await keys.create("n8n", ["customers:read"], expires_in=timedelta(seconds=50))

    for _ in range(3):
        assert await remembered.find(made.secret)

    assert keys.lookups == 3


async def test_a_wrong_key_is_looked_up_once_a_second(keys: Counted) -> None:
    clock = Clock()
    remembered = CachedKeys(keys, clock)
    secret = "lsk_" + "x" * 43
    assert [await remembered.find(secret) for _ in range(50)] == [None] * 50
    assert keys.lookups == 1

    await keys.create("late", ["customers:read"], secret=secret)
    clock.now += CACHE_SECONDS

    assert await remembered.find(secret)


async def test_wrong_keys_are_looked_up_together(keys: Counted) -> None:
    remembered = CachedKeys(keys)
    began = time.monotonic()

    for _ in range(5):
        callers = await asyncio.gather(*(remembered.find(f"lsk_{number}-{began}-{_}") for number in range(300)))
        assert callers == [None] * 300

    assert keys.lookups <= 1 + (time.monotonic() - began) / PAUSE_SECONDS
    assert keys.lookups < 10


async def test_a_good_key_is_found_among_wrong_ones(keys: Counted) -> None:
    remembered = CachedKeys(keys)
    made = await keys.create("n8n", ["customers:read"])
    guesses = [f"lsk_{number}" for number in range(500)]

    callers = await asyncio.gather(*map(remembered.find, [*guesses, made.secret, *guesses]))

    assert [caller.name for caller in callers if caller] == ["n8n"]
    assert callers[500]


async def test_a_key_in_use_waits_for_no_wrong_one(keys: Counted) -> None:
    clock = Clock()
    remembered = CachedKeys(keys, clock)
    made = await keys.create("n8n", ["customers:read"])
    assert await remembered.find(made.secret)
    clock.now += CACHE_SECONDS
    keys.wrong_answered = asyncio.Event()
    guess = asyncio.create_task(remembered.find(WRONG))
    await asyncio.sleep(0)

    assert await remembered.find(made.secret)

    keys.wrong_answered.set()
    assert await guess is None


async def test_somebody_who_hangs_up_takes_no_answer_from_others(keys: Counted) -> None:
    remembered = CachedKeys(keys)
    made = await keys.create("n8n", ["customers:read"])
    first, second = (asyncio.create_task(remembered.find(made.secret)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert await second


async def test_keys_do_not_gather(keys: Counted) -> None:
    remembered = CachedKeys(keys, Clock())
    made = [await keys.create(f"key-{number}", ["customers:read"]) for number in range(3)]
    remembered._known.update({bytes([number % 256, number // 256]): None for number in range(MAX_KNOWN)})  # type: ignore[misc]

    for key in made:
        assert await remembered.find(key.secret)

    assert len(remembered._known) == len(made)


async def test_wrong_keys_do_not_gather(keys: Counted) -> None:
    remembered = CachedKeys(keys)
    remembered._wrong.update({number.to_bytes(4): 0.0 for number in range(MAX_WRONG)})

    assert await remembered.find(WRONG) is None

    assert len(remembered._wrong) == 1
