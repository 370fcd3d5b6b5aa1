"""Places: a lane's next job begins at the answer to an earlier one, and targets that keep up get more of them."""

import asyncio

from app.postgres.database import Statement
from app.queue.finishing import Finishing
from app.queue.models import Done, Job, JobOutcome
from app.queue.places import EARNED_AT_MOST, KEEPS_UP_SECONDS, SPARED, HeldPlaces
from tests.queue.harness import Harness, new, running, until

OPEN_LANE = Statement("INSERT lane", "INSERT INTO lane (connection, concurrency) VALUES ($1, $2)")


class Target:
    """A handler whose target answers after `seconds`; how many it is asked at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.most_at_once = 0
        self._now = 0

    async def __call__(self, _job: Job, finishing: Finishing) -> JobOutcome:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._now -= 1
        async with finishing():
            return Done()


async def test_a_place_is_free_at_the_answer(harness: Harness) -> None:
    begun: list[int] = []

    async def handler(job: Job, finishing: Finishing) -> JobOutcome:
        begun.append(job.id)
        async with finishing():
            await until(lambda: len(begun) == 3)
            return Done()

    await harness.enqueue(*(new() for _ in range(3)))
    async with running(harness, handler, concurrency_per_connection=1):
        await until(harness.is_empty)


async def test_a_target_that_keeps_up_earns_places(harness: Harness) -> None:
    await harness.database.execute(OPEN_LANE, "shop", 2)
    await harness.enqueue(*(new() for _ in range(200)))
    target = Target(0.02)
    async with running(harness, target):
        await until(harness.is_empty)
    assert 2 < target.most_at_once <= 2 + EARNED_AT_MOST


async def test_a_slow_target_keeps_to_its_share(harness: Harness) -> None:
    await harness.database.execute(OPEN_LANE, "shop", 2)
    await harness.enqueue(*(new() for _ in range(12)))
    target = Target(KEEPS_UP_SECONDS + 0.05)
    async with running(harness, target):
        await until(harness.is_empty)
    assert target.most_at_once == 2


async def test_a_target_that_becomes_slow_loses_what_it_has_earned(harness: Harness) -> None:
    await harness.database.execute(OPEN_LANE, "shop", 2)
    target = Target(0.02)
    async with running(harness, target):
        await harness.enqueue(*(new() for _ in range(100)))
        await until(harness.is_empty)
        target.seconds = KEEPS_UP_SECONDS + 0.05
        await harness.enqueue(*(new() for _ in range(2)))
        await until(harness.is_empty)
        target.most_at_once = 0
        await harness.enqueue(*(new() for _ in range(8)))
        await until(harness.is_empty)
    assert target.most_at_once == 2


async def test_earned_places_leave_room_for_others(harness: Harness) -> None:
    """A lane takes only what it has earned of places that are not spared, and its own share."""
    await harness.database.execute(OPEN_LANE, "shop", 2)
    await harness.enqueue(*(new() for _ in range(200)))
    target = Target(0.02)
    async with running(harness, target, concurrency=SPARED + 6):
        await until(harness.is_empty)
    assert 2 < target.most_at_once <= 2 + 6


async def test_a_claim_adds_what_was_earned_to_the_share_of_a_lane(harness: Harness) -> None:
    await harness.database.execute(OPEN_LANE, "shop", 2)
    await harness.enqueue(*(new() for _ in range(20)))
    for places, jobs in (
        (HeldPlaces(places=2, earned=0), 0),
        (HeldPlaces(places=2, earned=3), 3),
        (HeldPlaces(places=5, earned=3), 0),
        (HeldPlaces(places=2, earned=20), 6),
    ):
        claimed = await harness.queue.claims.claim(20, running={"shop": places}, at_most=8)
        assert len(claimed.jobs) == jobs
