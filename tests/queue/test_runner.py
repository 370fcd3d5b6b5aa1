"""The runner: what a handler says or raises, leases, places, wake-ups, and the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from app.errors import (
    DuplicateRecord,
    FieldError,
    InvalidField,
    Problem,
    StoreUnavailable,
    VendorAuthFailed,
    VendorThrottled,
    VendorTimeout,
)
from app.queue_ports import (
    Conflict,
    Done,
    Finishing,
    Handler,
    Job,
    JobPolicy,
    Outcome,
    Permanent,
    Retry,
    Throttled,
    Unauthorised,
)
from app.queue_runner import QueueRunner
from app.store.database import Query
from app.store.wakeups import listen
from tests.queue.kit import Kit, new, until

pytestmark = pytest.mark.anyio

LAST_ATTEMPT = Query("SELECT attempt", "SELECT outcome, category, reason FROM attempt ORDER BY ended_at DESC LIMIT 1")
CUT = Query(
    "SELECT pg_stat_activity",
    """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1
    """,
)


@asynccontextmanager
async def running(kit: Kit, handler: Handler, **options: object) -> AsyncIterator[QueueRunner]:
    runner = QueueRunner(
        kit.queue,
        {"work": handler, "thrice": handler},
        **{"policies": {}, "lease_seconds": 30.0, "poll_seconds": 0.1, **options},  # type: ignore[arg-type]
    )
    task = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(20):
            yield runner
            runner.stop()
            await task
    finally:
        task.cancel()


async def attempt_once(kit: Kit, ends: Outcome | Exception) -> tuple[object, ...]:
    """Run one job whose handler says or raises this; the attempt as it was recorded."""
    await kit.enqueue(new())
    made = 0

    async def handler(_job: Job, _finishing: Finishing) -> Outcome:
        nonlocal made
        made += 1
        if isinstance(ends, Exception):
            raise ends
        return ends

    async with running(kit, handler):
        await until(lambda: made)
    row = await kit.database.fetch_row(LAST_ATTEMPT)
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize(
    ("ends", "recorded", "left"),
    [
        (Done(), ("done", None, None), []),
        (Retry(reason="timeout", after=60.0), ("retried", "transient", "timeout"), ["ready"]),
        (Throttled(reason="429", retry_after=60.0), ("spared", "throttle", "429"), ["ready"]),
        (Unauthorised(reason="bad token"), ("spared", "auth", "bad token"), ["ready"]),
        (Permanent(reason="no such field", path="/a"), ("dead", "permanent", "no such field"), []),
        (Conflict(reason="not owner"), ("dead", "conflict", "not owner"), []),
        (VendorTimeout(retry_after=60.0), ("retried", "transient", "vendor-timeout"), ["ready"]),
        (VendorThrottled(retry_after=60.0), ("spared", "throttle", "vendor-throttled"), ["ready"]),
        (VendorAuthFailed(), ("spared", "auth", "vendor-auth-failed"), ["ready"]),
        (InvalidField(errors=(FieldError(pointer="/a", detail="?"),)), ("dead", "permanent", "invalid-field"), []),
        (DuplicateRecord(), ("dead", "conflict", "duplicate-record"), []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Problem | Done | Retry) else None,
)
async def test_what_a_handler_says_or_raises_is_what_becomes_of_the_job(
    kit: Kit, ends: Outcome | Exception, recorded: tuple[object, ...], left: list[str]
) -> None:
    assert await attempt_once(kit, ends) == recorded
    assert list((await kit.states()).values()) == left


async def test_an_exception_is_a_failed_attempt_and_its_text_is_kept_nowhere(kit: Kit) -> None:
    recorded = await attempt_once(kit, ValueError("ada@example.com"))

    assert recorded == ("retried", "transient", "ValueError")


async def test_a_place_in_the_payload_is_found_in_the_dead_letter(kit: Kit) -> None:
    await attempt_once(kit, InvalidField(errors=(FieldError(pointer="/emails/0", detail="not an address"),)))

    (dead,) = await kit.dead()
    assert (dead.path, dead.category) == ("/emails/0", "permanent")


async def test_what_was_finished_stays_finished_whatever_comes_after(kit: Kit) -> None:
    await kit.enqueue(new())

    async def finish_and_fail(_job: Job, finishing: Finishing) -> Outcome:
        async with finishing() as transaction:
            await kit.queue.enqueue(transaction, new("outgoing", after=60.0))
        raise ValueError

    async with running(kit, finish_and_fail):
        await until_recorded(kit)

    await kit.pass_time(60)
    assert [job.kind for job in await kit.claim_all()] == ["outgoing"]


async def until_recorded(kit: Kit) -> None:
    await until(lambda: kit.database.fetch_row(LAST_ATTEMPT))


async def test_an_attempt_that_takes_too_long_is_cut_off(kit: Kit) -> None:
    await kit.enqueue(new())

    async def hang(_job: Job, _finishing: Finishing) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    async with running(kit, hang, policies={"work": JobPolicy(attempt_seconds=0.05)}):
        await until_recorded(kit)

    row = await kit.database.fetch_row(LAST_ATTEMPT)
    assert row is not None
    assert tuple(row) == ("retried", "transient", "timed out")


async def test_a_kind_that_nobody_knows_here_waits_for_a_worker_that_does(kit: Kit) -> None:
    await kit.enqueue(new("of-the-next-version"))

    async def handler(_job: Job, _finishing: Finishing) -> Outcome:
        return Done()

    async with running(kit, handler):
        await until_recorded(kit)

    assert list((await kit.states()).values()) == ["ready"]
    assert 5.0 < (await kit.due_in() or 0) <= 10.0


async def test_a_long_attempt_keeps_its_lease_and_a_stolen_one_is_cancelled(kit: Kit) -> None:
    await kit.enqueue(new())
    short = Kit(kit.database, lease=0.6)
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_job: Job, _finishing: Finishing) -> Outcome:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Done()

    async with running(short, hang, lease_seconds=0.6, poll_seconds=30.0):
        await began.wait()
        await asyncio.sleep(1.5)
        assert not cancelled.is_set()
        assert await kit.queue.expire(10) == 0

        await kit.pass_time(60)
        await kit.queue.expire(10)
        await cancelled.wait()


async def test_a_slow_connection_does_not_take_all_places(kit: Kit) -> None:
    await kit.enqueue(*(new(connection="slow") for _ in range(20)))
    at_work, done = 0, 0

    async def handler(job: Job, _finishing: Finishing) -> Outcome:
        nonlocal at_work, done
        if job.connection == "slow":
            at_work += 1
            await asyncio.sleep(30)
        done += 1
        return Done()

    async with running(kit, handler, at_once=8, at_once_each=4, drain_seconds=0.0):
        await until(lambda: at_work == 4)
        await kit.enqueue(*(new(connection="swift") for _ in range(50)))
        await until(lambda: done == 50)
    assert at_work == 4


@pytest.mark.parametrize("end", ["stop", "cancel"])
async def test_a_runner_that_ends_lets_jobs_end_and_gives_back_the_rest(kit: Kit, end: str) -> None:
    await kit.enqueue(new(payload=b"quick"), new(payload=b"endless"))
    both = asyncio.Event()
    begun = 0

    async def handler(job: Job, _finishing: Finishing) -> Outcome:
        nonlocal begun
        begun += 1
        if begun == 2:
            both.set()
        await both.wait()
        await asyncio.sleep(0.2 if job.payload == b"quick" else 60)
        return Done()

    runner = QueueRunner(kit.queue, {"work": handler}, policies={}, lease_seconds=30.0, drain_seconds=0.5)
    task = asyncio.create_task(runner.run())
    await both.wait()
    (late,) = await kit.enqueue(new())
    if end == "stop":
        runner.stop()
    else:
        task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.done()

    left = await kit.claim_all()
    assert [job.payload for job in left if job.id != late] == [b"endless"]
    assert [(job.attempt, job.spared) for job in left if job.payload == b"endless"] == [(2, 1)]
    assert begun == 2


async def test_sleepers_are_woken_also_after_their_connection_was_cut(kit: Kit, database_url: str) -> None:
    done = 0

    async def handler(_job: Job, _finishing: Finishing) -> Outcome:
        nonlocal done
        done += 1
        return Done()

    async with running(kit, handler, listen=partial(listen, database_url), poll_seconds=3600.0):
        await asyncio.sleep(0.3)
        await kit.enqueue(new())
        await until(lambda: done == 1)

        assert len(await kit.database.fetch(CUT, "lockstitch wake-ups")) == 1
        await kit.enqueue(new())
        await until(lambda: done == 2)
        await kit.enqueue(new())
        await until(lambda: done == 3)


async def test_without_wake_ups_a_poll_finds_what_was_enqueued(kit: Kit) -> None:
    done = asyncio.Event()

    async def handler(_job: Job, _finishing: Finishing) -> Outcome:
        done.set()
        return Done()

    async with running(kit, handler, poll_seconds=0.2):
        await asyncio.sleep(0.3)
        await kit.enqueue(new())
        await done.wait()


async def test_connections_cut_in_the_middle_cost_no_job(kit: Kit) -> None:
    ids = await kit.enqueue(*(new("thrice", order_key=str(number % 10)) for number in range(200)))
    done: set[int] = set()
    cut_at = iter([20, 60, 100, 140, 1000])
    next_cut = next(cut_at)

    async def handler(job: Job, finishing: Finishing) -> Outcome:
        nonlocal next_cut
        if len(done) >= next_cut:
            next_cut = next(cut_at)
            await kit.database.fetch(CUT, "lockstitch%")
        async with finishing():
            pass
        done.add(job.id)
        return Done()

    short = Kit(kit.database, lease=1.0)
    async with running(short, handler, lease_seconds=1.0):
        await until(lambda: _nothing_left(kit))
    assert len(ids) == 200
    assert await kit.dead() == []


async def _nothing_left(kit: Kit) -> bool:
    try:
        return not await kit.states()
    except StoreUnavailable:
        return False
