"""Enqueueing: with the caller's transaction or not at all, once, sealed, and heard."""

import asyncio

import asyncpg
import pytest

from app import telemetry
from app.postgres.database import Statement
from app.postgres.listen import CHANNEL
from app.queue.models import INTERNAL, NewJob
from tests.queue.harness import Harness, new

PAYLOADS = Statement("SELECT job", "SELECT payload FROM job")
RUNS = Statement("SELECT job", "SELECT correlation_id, traceparent, origin FROM job ORDER BY id")


async def test_jobs_come_and_go_with_the_callers_transaction(harness: Harness) -> None:
    async def enqueue_and_fail() -> None:
        async with harness.database.transaction() as session:
            await harness.queue.enqueue(session, new(), new(order_key="a"))
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await enqueue_and_fail()

    assert await harness.states() == {}
    assert await harness.audited() == []


async def test_of_a_hundred_simultaneous_copies_one_is_enqueued(harness: Harness) -> None:
    results = await asyncio.gather(
        *(harness.enqueue(new(order_key="a", dedupe_key="event-1"), new(dedupe_key="event-2")) for _ in range(100))
    )

    for column in zip(*results, strict=True):
        assert sum(job_id is not None for job_id in column) == 1
    assert list((await harness.states()).values()) == ["ready", "ready"]


async def test_a_dedupe_key_is_free_again_when_its_job_is_done(
    harness: Harness,
) -> None:
    ids = await harness.enqueue(
        new(dedupe_key="d"), new("other", dedupe_key="d"), new(connection="desk", dedupe_key="d")
    )
    assert None not in ids
    first = next(job for job in await harness.claim_all() if job.id == ids[0])
    assert await harness.enqueue(new(dedupe_key="d")) == [None]

    await harness.finish(first)
    assert await harness.enqueue(new(dedupe_key="d")) != [None]


async def test_copies_in_one_batch_count_once(harness: Harness) -> None:
    ids = await harness.enqueue(
        new(order_key="a", dedupe_key="d"), new(order_key="a", dedupe_key="d"), new(order_key="a")
    )

    assert [job_id is None for job_id in ids] == [False, True, False]
    assert list((await harness.states()).values()) == ["ready", "behind"]


async def test_a_payload_is_unreadable_at_rest_and_whole_for_the_handler(harness: Harness) -> None:
    await harness.enqueue(new(payload=b"ada@example.com"))

    (row,) = await harness.database.fetch(PAYLOADS)
    assert b"ada" not in row["payload"]
    assert (await harness.claim_one()).payload == b"ada@example.com"


async def test_a_job_belongs_to_the_run_of_the_task_that_enqueues_it(harness: Harness) -> None:
    with telemetry.bind("run-of-the-task", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        await harness.enqueue(NewJob(kind="work", payload=b""), new(correlation_id="its-own", origin="rcp_1"))
    await harness.enqueue(NewJob(kind="work", payload=b""))

    of_the_task, its_own, of_nobody = await harness.database.fetch(RUNS)
    assert of_the_task["correlation_id"] == "run-of-the-task"
    assert of_the_task["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert (its_own["correlation_id"], its_own["origin"]) == ("its-own", "rcp_1")
    assert len(of_nobody["correlation_id"]) == 36
    assert {job.connection for job in await harness.claim_all()} == {INTERNAL, "shop"}


async def test_listeners_get_one_notification_per_commit(harness: Harness, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(CHANNEL, lambda *arguments: heard.put_nowait(str(arguments[3])))
    async with harness.database.transaction() as session:
        await harness.queue.enqueue(session, new(), new())
        await harness.queue.enqueue(session, new())
        await listener.execute("SELECT")
        assert heard.empty()

    async with asyncio.timeout(30):
        assert await heard.get() == ""
    await listener.execute("SELECT")
    assert heard.empty()
    await listener.close()


async def test_each_job_is_audited_once_without_its_payload(harness: Harness) -> None:
    await harness.enqueue(new(dedupe_key="d"), new(dedupe_key="d"))
    await harness.finish(await harness.claim_one())

    assert await harness.audited() == ["job.queued", "job.processed"]
