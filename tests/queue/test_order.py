"""Order: jobs of one key run one after the other, in the order of their commits; other jobs do not wait for them."""

import asyncio

import pytest

from app.queue.models import JobFailure, LeaseLost, NewJob
from tests.queue.harness import Harness, new


async def test_only_the_head_of_a_key_is_claimed(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a"), new(order_key="a"), new(order_key="b"), new())

    first = await harness.claim()
    assert [job.id for job in first] == [ids[0], ids[2], ids[3]]

    await harness.finish(first[0])
    assert [job.id for job in await harness.claim()] == [ids[1]]


async def test_one_key_at_two_connections_is_two_keys(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a"), new(order_key="a", connection="desk"))

    assert {job.id for job in await harness.claim_all()} == set(ids)


async def test_a_head_that_backs_off_holds_up_its_key_alone(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a"), new(order_key="a"), new(order_key="b"), new(order_key="b"))
    head, other = await harness.claim()
    await harness.queue.retry(head, "timeout", after=60.0)
    await harness.finish(other)

    assert [job.id for job in await harness.claim_all()] == [ids[3]]

    await harness.pass_time(61)
    assert (await harness.claim_one()).id == ids[0]


async def test_a_deferred_job_holds_up_its_key_and_waits_for_its_time(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a", after=60.0), new(order_key="a"), new(after=60.0))
    assert await harness.claim_all() == []
    assert 59.0 < (await harness.due_in() or 0) <= 60.0

    await harness.pass_time(61)
    assert [job.id for job in await harness.claim_all()] == [ids[0], ids[2]]


async def test_ids_of_a_key_follow_the_commits_and_other_keys_do_not_wait(harness: Harness) -> None:
    """The first enqueuer commits last but one: enqueuers of its key wait, others go past."""
    async with harness.database.transaction() as slow:
        (first,) = await harness.queue.enqueue(slow, new(order_key="a"))
        waiting = asyncio.create_task(harness.enqueue(new(order_key="a")))
        (other,) = await harness.enqueue(new(order_key="b"))
        assert [job.id for job in await harness.claim()] == [other]
        assert not waiting.done()
    (second,) = await waiting

    assert first is not None
    assert second is not None
    assert first < second
    assert await harness.states() == {first: "ready", other: "running", second: "behind"}


async def test_one_who_enqueues_while_the_head_is_finishing_is_not_forgotten(harness: Harness) -> None:
    await harness.enqueue(new(order_key="a"))
    head = await harness.claim_one()
    async with harness.finishing(head):
        waiting = asyncio.create_task(harness.enqueue(new(order_key="a")))
        await asyncio.sleep(0.05)  # it may or may not have come to the lock; either way it must end up ready
    (late,) = await waiting

    assert (await harness.claim_one()).id == late


async def test_work_enqueued_again_while_it_finishes_is_not_lost(harness: Harness) -> None:
    await harness.enqueue(new(order_key="a", dedupe_key="d"))
    head = await harness.claim_one()
    async with harness.finishing(head):
        waiting = asyncio.create_task(harness.enqueue(new(order_key="a", dedupe_key="d")))
        await asyncio.sleep(0.05)
    (again,) = await asyncio.wait_for(waiting, 30)

    assert again is not None
    assert (await harness.claim_one()).id == again


async def test_a_duplicate_heading_a_batch_blocks_no_job(harness: Harness) -> None:
    """Two jobs of one key in a batch; the first turns out to be there already, under another key."""
    async with harness.database.transaction() as slow:
        await harness.queue.enqueue(slow, new(order_key="a", dedupe_key="d"))
        batch = asyncio.create_task(harness.enqueue(new(order_key="b", dedupe_key="d"), new(order_key="b")))
        await asyncio.sleep(0.05)
    dropped, second = await batch

    assert dropped is None
    assert second in {job.id for job in await harness.claim()}


async def test_what_a_finishing_enqueues_comes_with_it_or_not_at_all(harness: Harness) -> None:
    await harness.enqueue(new(order_key="a"), new(order_key="a"))
    head = await harness.claim_one()
    with pytest.raises(ZeroDivisionError):
        await _finish_and_fail(harness, head)
    assert list((await harness.states()).values()) == ["running", "behind"]

    async with harness.finishing(head) as session:
        await harness.queue.enqueue(session, new("outgoing"))
    assert sorted(job.kind for job in await harness.claim_all()) == ["outgoing", "work"]


async def _finish_and_fail(harness: Harness, head: object) -> None:
    async with harness.finishing(head) as session:  # type: ignore[arg-type]
        await harness.queue.enqueue(session, new("outgoing"))
        _ = 1 / 0


async def test_a_dead_head_of_a_blocking_kind_blocks_its_key_until_discarded(harness: Harness) -> None:
    ids = await harness.enqueue(new("strict", order_key="a"), new("strict", order_key="a"))
    await harness.queue.bury(await harness.claim_one(), JobFailure(category="permanent", reason="no such field"))
    later = await harness.enqueue(new("strict", order_key="a"))
    assert await harness.claim_all() == []

    (dead,) = await harness.dead()
    async with harness.database.transaction() as session:
        await harness.dead_letters.discard(session, dead.id, actor="ada", because="a test order")

    assert [job.id for job in await harness.claim_all()] == [ids[1]]
    assert (await harness.states())[later[0] or 0] == "behind"


async def test_a_dead_head_of_another_kind_does_not_block_its_key(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a"), new(order_key="a"))
    await harness.queue.bury(await harness.claim_one(), JobFailure(category="permanent", reason="no such field"))

    assert (await harness.claim_one()).id == ids[1]


async def test_a_redriven_head_takes_its_old_place(harness: Harness) -> None:
    blocked = await harness.enqueue(new("strict", order_key="a"), new("strict", order_key="a"))
    skipped = await harness.enqueue(new(order_key="b"), new(order_key="b"), new(order_key="b"))
    for head in await harness.claim():
        await harness.queue.bury(head, JobFailure(category="permanent", reason="no"))
    running = await harness.claim_one()
    assert running.id == skipped[1]
    for dead in await harness.dead():
        async with harness.database.transaction() as session:
            await harness.dead_letters.redrive(session, dead.id, actor="ada")

    # The running job was not stopped; the redriven job precedes those behind it.
    assert [job.id for job in await harness.claim()] == [blocked[0]]
    await harness.finish(running)
    assert [job.id for job in await harness.claim()] == [skipped[0]]


async def test_a_redriven_head_goes_before_a_newer_one_that_waits(harness: Harness) -> None:
    ids = await harness.enqueue(new(order_key="a"), new(order_key="a"))
    await harness.queue.bury(await harness.claim_one(), JobFailure(category="permanent", reason="no"))
    (dead,) = await harness.dead()
    async with harness.database.transaction() as session:
        assert await harness.dead_letters.redrive(session, dead.id, actor="ada") == ids[0]

    assert await harness.states() == {ids[0]: "ready", ids[1]: "behind"}


async def test_crossing_batches_lose_no_job_and_do_not_deadlock(harness: Harness) -> None:
    keys = [f"k{number}" for number in range(20)]

    async def enqueue(order: list[str]) -> None:
        for _ in range(10):
            await harness.enqueue(
                *(NewJob(kind="work", payload=b"", connection="shop", order_key=key) for key in order)
            )

    async with asyncio.timeout(30):
        await asyncio.gather(enqueue(keys), enqueue(keys[::-1]), enqueue(keys), enqueue(keys[::-1]))

    ids_by_key: dict[str, list[int]] = {key: [] for key in keys}
    while jobs := await harness.claim():
        for job in jobs:
            ids_by_key[job.order_key or ""].append(job.id)
        await harness.queue.finish([(job, None) for job in jobs])
    assert all(len(ids) == 40 and ids == sorted(ids) for ids in ids_by_key.values())


async def test_a_lost_lease_never_commits(harness: Harness) -> None:
    await harness.enqueue(new(order_key="a"))
    old = await harness.claim_one()
    await harness.pass_time(31)
    assert await harness.queue.expire(10) == 1
    thief = await harness.claim_one()
    assert (thief.id, thief.attempt) == (old.id, 2)

    with pytest.raises(LeaseLost):
        async with harness.finishing(old):
            pytest.fail("the block of a lost lease ran")
    for step in (
        harness.queue.retry(old, "timeout"),
        harness.queue.throttle(old, "slow down", retry_after=5.0),
        harness.queue.refuse(old, "bad token"),
        harness.queue.bury(old, JobFailure(category="permanent", reason="no")),
    ):
        with pytest.raises(LeaseLost):
            await step
    await harness.queue.give_back([old], "shutting down")
    assert await harness.queue.finish([(old, None)]) == set()
    assert await harness.queue.leases.extend([old, thief]) == {old.id}

    assert await harness.states() == {thief.id: "running"}
    assert [lane.blocked_reason for lane in await harness.lanes.list()] == [None]
    async with harness.finishing(thief):
        pass
    assert await harness.states() == {}


async def test_a_job_numbered_in_advance_comes_behind_those_of_other_processes(harness: Harness) -> None:
    other = Harness(harness.database)
    await harness.enqueue(new())
    (first,) = await other.enqueue(new(order_key="a"))
    (second,) = await harness.enqueue(new(order_key="a"))

    assert list((await harness.states()).items())[-2:] == [(first, "ready"), (second, "behind")]
