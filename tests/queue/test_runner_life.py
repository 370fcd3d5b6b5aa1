"""The runner's life: leases, places, wake-ups, lost connections, and its end."""

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.postgres.database import Statement
from app.postgres.listen import Listener
from app.queue.finishing import Finishing
from app.queue.models import Done, Job, JobOutcome
from app.queue.runner import QueueRunner
from tests.queue.harness import Harness, new, running, until

CUT = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1
    """,
)
OUTAGE_SECONDS = 3.0
NOTHING_LEFT = Statement("SELECT job", "SELECT NOT EXISTS (SELECT FROM job)")
EXTENDED = Statement("SELECT job", "SELECT bool_and(lease_until > now() + interval '20 s') FROM job")


async def test_a_long_attempt_keeps_its_lease_and_a_stolen_one_is_cancelled(harness: Harness) -> None:
    await harness.enqueue(new())
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_job: Job, _finishing: Finishing) -> JobOutcome:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Done()

    async with running(harness, hang, lease_seconds=1.0, poll_seconds=30.0):  # extended often, for 30 s each time
        await began.wait()
        for _ in range(3):
            await harness.pass_time(15)
            await until(lambda: harness.database.fetch_value(EXTENDED))
        assert not cancelled.is_set()
        assert await harness.queue.expire(10) == 0

        await harness.pass_time(60)
        while not await harness.queue.expire(10):  # it was extended in between
            await harness.pass_time(60)
        await cancelled.wait()


async def test_a_slow_connection_does_not_take_all_places(harness: Harness) -> None:
    await harness.enqueue(*(new(connection="slow") for _ in range(20)))
    at_work, done = 0, 0

    async def handler(job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal at_work, done
        if job.connection == "slow":
            at_work += 1
            await asyncio.sleep(30)
        done += 1
        return Done()

    async with running(harness, handler, concurrency=8, concurrency_per_connection=4, drain_seconds=0.0):
        await until(lambda: at_work == 4)
        await harness.enqueue(*(new(connection="swift") for _ in range(50)))
        await until(lambda: done == 50)
    assert at_work == 4


@pytest.mark.parametrize("end", ["stop", "cancel"])
async def test_a_runner_that_ends_lets_jobs_end_and_gives_back_the_rest(harness: Harness, end: str) -> None:
    await harness.enqueue(new(payload=b"quick"), new(payload=b"endless"))
    both, ending = asyncio.Event(), asyncio.Event()
    begun = 0

    async def handler(job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal begun
        begun += 1
        if begun == 2:
            both.set()
        await both.wait()
        await (ending if job.payload == b"quick" else asyncio.Event()).wait()
        return Done()

    runner = QueueRunner(harness.queue, {"work": handler}, policies={}, lease_seconds=30.0, drain_seconds=2.0)
    task = asyncio.create_task(runner.run())
    await both.wait()
    if end == "stop":
        runner.stop()
    else:
        task.cancel()
    ending.set()
    (late,) = await harness.enqueue(new())
    await asyncio.wait({task}, timeout=30)
    assert task.done()

    left = await harness.claim_all()
    assert [job.payload for job in left if job.id != late] == [b"endless"]
    assert [(job.attempt, job.deferred) for job in left if job.payload == b"endless"] == [(2, 1)]
    assert begun == 2


async def test_sleepers_are_woken_also_after_their_connection_was_cut(harness: Harness, database_url: str) -> None:
    done = 0

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal done
        done += 1
        return Done()

    other = Harness(harness.database)
    async with running(harness, handler, listen=Listener(database_url).listen, poll_seconds=3600.0):
        await asyncio.sleep(0.3)
        await other.enqueue(new())
        await until(lambda: done == 1)

        await until(lambda: harness.database.fetch(CUT, "lockstitch wake-ups"))
        await other.enqueue(new())
        await until(lambda: done == 2)
        await other.enqueue(new())
        await until(lambda: done == 3)


async def test_without_wake_ups_a_poll_finds_what_was_enqueued(harness: Harness) -> None:
    done = asyncio.Event()

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        done.set()
        return Done()

    async with running(harness, handler, poll_seconds=0.2):
        await asyncio.sleep(0.3)
        await Harness(harness.database).enqueue(new())
        await done.wait()


async def test_connections_cut_in_the_middle_cost_no_job(harness: Harness) -> None:
    ids = await harness.enqueue(*(new("tenfold", order_key=str(number % 10)) for number in range(200)))
    done: set[int] = set()
    cut_at = iter([20, 60, 100, 140, 1000])
    next_cut = next(cut_at)

    async def handler(job: Job, finishing: Finishing) -> JobOutcome:
        nonlocal next_cut
        if len(done) >= next_cut:
            next_cut = next(cut_at)
            await harness.database.fetch(CUT, "lockstitch%")
        async with finishing():
            pass
        done.add(job.id)
        return Done()

    short = Harness(harness.database, lease=1.0)
    async with running(short, handler, lease_seconds=1.0):
        await until(lambda: _answers(harness, NOTHING_LEFT))
    assert len(ids) == 200
    assert await harness.dead() == []


@pytest.mark.parametrize("goes_on", [False, True])
async def test_a_lease_that_expires_in_an_outage_is_kept(harness: Harness, database_url: str, goes_on: bool) -> None:
    await harness.enqueue(new())
    runs = 0

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal runs
        runs += 1
        await harness.pass_time(29)
        await outage.begin()
        if goes_on:
            await until(lambda: _answers(harness, EXTENDED))
        return Done()

    async with Outage(database_url) as outage, running(harness, handler):
        await outage.last()
        await until(lambda: _answers(harness, NOTHING_LEFT))
    assert runs == 1


async def test_an_outage_is_no_attempt(harness: Harness, database_url: str) -> None:
    await harness.enqueue(new())
    attempts = []

    async def handler(job: Job, _finishing: Finishing) -> JobOutcome:
        attempts.append((job.attempt, job.deferred))
        if len(attempts) == 1:
            await outage.begin()
            await harness.database.fetch(EXTENDED)
        return Done()

    async with Outage(database_url) as outage, running(harness, handler):
        await outage.last()
        await until(lambda: _answers(harness, NOTHING_LEFT))
    assert attempts == [(1, 0), (2, 1)]


class Outage:
    """Closes a database to everybody from `begin` on, for OUTAGE_SECONDS."""

    def __init__(self, database_url: str) -> None:
        self._name = urlsplit(database_url).path.lstrip("/")
        self._url = database_url.replace(f"/{self._name}?", "/template1?")
        self._begun = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncpg.connect(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def begin(self) -> None:
        """End all sessions, and let no new ones in."""
        await self._server.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        await self._server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self._name
        )
        self._begun.set()

    async def last(self) -> None:
        """Wait for the outage and until it is over."""
        await self._begun.wait()
        await asyncio.sleep(OUTAGE_SECONDS)
        await self._server.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")


async def _answers(harness: Harness, question: Statement) -> bool:
    with suppress(StoreUnavailable):
        return bool(await harness.database.fetch_value(question))
    return False
