"""When a runner claims: together what arrives while it works, at once what it has enqueued itself."""

import asyncio
import time

import asyncpg
import pytest

from app.postgres.listen import CHANNEL, Listener
from app.queue import runner as runners
from app.queue.finishing import Finishing
from app.queue.models import Done, Job, JobOutcome
from app.queue.runner import GATHER_SECONDS, PAUSE_SECONDS
from tests.queue.harness import Harness, new, running, until

NEVER = 3600.0


async def test_arrivals_while_a_runner_works_are_claimed_together(harness: Harness, database_url: str) -> None:
    claims: set[str] = set()
    done = 0

    async def handler(job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal done
        claims.add(job.lease_token)
        done += 1
        return Done()

    sender = Harness(harness.database)
    async with running(harness, handler, listen=Listener(database_url).listen, poll_seconds=NEVER):
        await asyncio.sleep(0.1)
        started = time.monotonic()
        for number in range(60):
            await sender.enqueue(new(connection=f"shop-{number % 3}"))
            await asyncio.sleep(0.004)
        await until(lambda: done == 60)
        took = time.monotonic() - started

    assert len(claims) <= took / GATHER_SECONDS + 2


async def test_the_first_job_after_an_idle_time_is_claimed_at_once(
    harness: Harness, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "GATHER_SECONDS", NEVER)
    done = asyncio.Event()

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        done.set()
        return Done()

    async with running(harness, handler, listen=Listener(database_url).listen, poll_seconds=NEVER):
        await asyncio.sleep(0.3)
        await Harness(harness.database).enqueue(new())
        await done.wait()


@pytest.mark.parametrize("order_key", [None, "a"], ids=["new", "promoted"])
async def test_a_runner_claims_its_own_jobs_and_notifies_no_one(
    harness: Harness, database_url: str, monkeypatch: pytest.MonkeyPatch, order_key: str | None
) -> None:
    monkeypatch.setattr(runners, "LOOK_SECONDS", NEVER)
    left, notified = 25, 0

    async def handler(_job: Job, finishing: Finishing) -> JobOutcome:
        nonlocal left
        left -= 1
        async with finishing() as transaction:
            if left and order_key is None:
                await harness.queue.enqueue(transaction, new())
            return Done()

    def count(*_: object) -> None:
        nonlocal notified
        notified += 1

    await harness.enqueue(*(new(order_key=order_key) for _ in range(1 if order_key is None else left)))
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(CHANNEL, count)
    started = time.monotonic()
    async with running(harness, handler, poll_seconds=NEVER):
        await until(lambda: not left)
        took = time.monotonic() - started
        await until(harness.is_empty)
    await listener.execute("SELECT")
    await listener.close()

    assert notified == 0
    assert took >= 23 * PAUSE_SECONDS


async def test_jobs_that_a_runner_has_no_room_for_go_to_another(harness: Harness, database_url: str) -> None:
    begun = 0
    enough = asyncio.Event()

    async def handler(job: Job, finishing: Finishing) -> JobOutcome:
        nonlocal begun
        if job.payload == b"first":
            async with finishing() as transaction:
                await harness.queue.enqueue(transaction, *(new() for _ in range(5)))
            return Done()
        begun += 1
        if begun == 5:
            enough.set()
        await enough.wait()
        return Done()

    await harness.enqueue(new(payload=b"first"))
    listening = Listener(database_url).listen
    async with (
        running(Harness(harness.database), handler, listen=listening, poll_seconds=NEVER),
        running(harness, handler, concurrency=2, listen=listening, poll_seconds=NEVER),
    ):
        await enough.wait()


async def test_jobs_that_are_committed_when_a_runner_is_full_go_to_another(harness: Harness, database_url: str) -> None:
    full, taken = asyncio.Event(), asyncio.Event()

    async def handler(job: Job, _finishing: Finishing) -> JobOutcome:
        if job.payload == b"enqueued with room":
            taken.set()
        full.set()
        await taken.wait()
        return Done()

    listening = Listener(database_url).listen
    async with (
        running(Harness(harness.database), handler, listen=listening, poll_seconds=NEVER),
        running(harness, handler, concurrency=1, listen=listening, poll_seconds=NEVER),
    ):
        async with harness.database.transaction() as transaction:
            await harness.queue.enqueue(transaction, new(payload=b"enqueued with room"))
            await harness.enqueue(new())
            await full.wait()
        await taken.wait()


async def test_own_jobs_in_a_claim_of_all_lanes_go_to_another_without_room(
    harness: Harness, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "LOOK_SECONDS", NEVER)
    notified, full = asyncio.Event(), asyncio.Event()

    async def handler(job: Job, finishing: Finishing) -> JobOutcome:
        if job.payload != b"first":
            await full.wait()
            return Done()
        await asyncio.sleep(2 * PAUSE_SECONDS)
        async with finishing() as transaction:
            transaction.after_commit.append(runner._wake)  # any other job that ends with the commit
            await harness.queue.enqueue(transaction, *(new() for _ in range(5)))
        return Done()

    await harness.enqueue(new(payload=b"first"))
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(CHANNEL, lambda *_: notified.set())
    async with running(harness, handler, concurrency=2, poll_seconds=NEVER) as runner:
        await notified.wait()
        full.set()
        await until(harness.is_empty)
    await listener.close()


async def test_a_full_lane_is_claimed_from_when_a_place_is_free(harness: Harness) -> None:
    await harness.enqueue(*(new() for _ in range(8)), *(new(connection="desk") for _ in range(8)))
    most, at_work, done = 0, 0, 0

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal most, at_work, done
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1
        done += 1
        return Done()

    async with running(harness, handler, concurrency_per_connection=2, poll_seconds=NEVER):
        await until(lambda: done == 16)

    assert most == 4
