"""A subscription is deleted or enabled while an attempt of its deliveries ends."""

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from app.api_keys.store import SCOPES, PostgresKeys
from app.dead_letters.models import DeadLetterFilter
from app.events.deliver import deliver
from app.events.deps import EventDeps
from app.events.models import Delivery, DeliveryFailure
from app.events.queue_events import QueueEvents
from app.events.store.deliveries import PostgresDeliveries, fail
from app.events.store.events import PostgresEvents
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database, Statement
from app.queue.bury import bury
from app.queue.enqueue import JobIntake
from app.queue.finishing import AttemptRunner, Finishing
from app.queue.models import Job, JobFailure
from app.settings.environment import DEFAULT_ENVIRONMENT
from tests.egress.targets import posting
from tests.encryption import SEALER
from tests.events.numbered_events import DELIVERY, EVERYTHING, changed
from tests.queue.harness import POLICIES, Harness
from tests.required import required
from tests.vendors.vendor_server import Reply, running_vendor

HOLD = Statement("SELECT subscription", "SELECT FROM subscription WHERE id = $1 FOR UPDATE")
HOLD_DELIVERY = Statement("SELECT delivery", "SELECT FROM delivery WHERE id = $1 FOR UPDATE")
HOLD_JOB = Statement("SELECT job", "SELECT FROM job FOR UPDATE")
AN_HOUR_AGO = Statement("UPDATE subscription", "UPDATE subscription SET failing_since = now() - interval '1 hour'")
WAITING = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")
GIVEN_UP = JobFailure(category="transient", reason="the target answered 500")
NOT_FOR_AN_HOUR = Reply(status=500, headers=(("retry-after", "3600"),))
REFUSED = DeliveryFailure(status=500, reason="HTTP 500", final=False, unresponsive=False, retry_after=None)


async def queued(database: Database, number: int) -> None:
    """Wait until so many transactions wait for a lock."""
    async with asyncio.timeout(30):
        while await database.fetch_value(WAITING) < number:  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.005)


async def claimed_delivery(database: Database) -> tuple[Job, Delivery]:
    """The claimed job and the delivery of a new Event, to a subscription of everything."""
    harness = Harness(database)
    deliveries = PostgresDeliveries(database, SEALER)
    events = PostgresEvents(database, SEALER, deliveries)
    await PostgresSubscriptions(database, SEALER).create(EVERYTHING)
    async with database.transaction() as transaction:
        await harness.queue.enqueue(transaction, *await events.append(transaction, changed(1)))
    job = await harness.claim_one()
    return job, required(await deliveries.open(job))


async def test_a_deletion_and_a_failed_attempt_wait_for_each_other_in_one_order(database: Database) -> None:
    job, delivery = await claimed_delivery(database)
    subscriptions = PostgresSubscriptions(database, SEALER)

    async def delete() -> None:
        async with database.transaction() as transaction:
            await subscriptions.delete(transaction, EVERYTHING.id, actor="key_1", because="asked for")

    async def record() -> None:
        async with database.transaction() as transaction:
            assert not await fail(transaction, job, delivery, REFUSED, disable_after=3600.0)

    async with asyncio.TaskGroup() as tasks, database.transaction() as transaction:
        await transaction.execute(HOLD, EVERYTHING.id)
        tasks.create_task(delete())
        await queued(database, 1)
        tasks.create_task(record())
        await queued(database, 2)

    assert [row["state"] for row in await database.fetch(DELIVERY)] == ["dropped"]


@pytest.mark.parametrize("steps", [3, 1])
@pytest.mark.parametrize("change", ["deleted", "enabled"])
async def test_a_failure_that_is_recorded_meanwhile_leaves_no_job_that_waits(
    database: Database, change: str, steps: int
) -> None:
    """With one step in its ladder the second attempt is the last one, after which the subscription is disabled."""
    harness = Harness(database)
    deliveries = PostgresDeliveries(database, SEALER)
    events = PostgresEvents(database, SEALER, deliveries)
    subscriptions = PostgresSubscriptions(database, SEALER)
    owner = (await PostgresKeys(database, environment=DEFAULT_ENVIRONMENT).create("owner", SCOPES)).id

    async def end_waits() -> None:
        if change == "enabled":
            assert await subscriptions.enable(EVERYTHING.id, actor=owner, principal=owner)
            return
        async with database.transaction() as transaction:
            await subscriptions.delete(transaction, EVERYTHING.id, actor="key_1", because="asked for")

    async with running_vendor(NOT_FOR_AN_HOUR) as target, posting(f"127.0.0.1/32:{target.port}") as poster:
        deps = EventDeps(
            events=events,
            subscriptions=subscriptions,
            deliveries=deliveries,
            database=database,
            poster=poster,
            connections={},
            delivery_ladder=(60.0,) * steps,
        )

        async def attempt(job: Job, outcome: str) -> None:
            runner = AttemptRunner(harness.queue)
            assert await runner.handle(job, partial(deliver, deps), 60.0, lambda: None) == outcome

        secret = f"whsec_{'x' * 32}"
        await subscriptions.create(replace(EVERYTHING, principal=owner, target_url=target.url, secret=secret))
        async with database.transaction() as transaction:
            await harness.queue.enqueue(transaction, *await events.append(transaction, changed(1)))
        await attempt(await harness.claim_one(), "retried")
        if steps == 1:
            await database.execute(AN_HOUR_AGO)
        await harness.pass_time(3_700)
        job = await harness.claim_one()
        async with asyncio.TaskGroup() as tasks, database.transaction() as transaction:
            await transaction.execute(HOLD_JOB)
            tasks.create_task(attempt(job, "retried" if steps > 1 else "deferred"))
            await queued(database, 1)
            ending = tasks.create_task(end_waits())
            while not ending.done() and await database.fetch_value(WAITING) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    assert len(target.calls) == 2
    assert (await harness.claim_one()).id == job.id


async def test_a_deletion_does_not_wait_for_a_batch_of_successes(database: Database) -> None:
    harness = Harness(database)
    deliveries = PostgresDeliveries(database, SEALER)
    events = PostgresEvents(database, SEALER, deliveries)
    subscriptions = PostgresSubscriptions(database, SEALER)
    await subscriptions.create(EVERYTHING)
    async with database.transaction() as transaction:
        new = await events.append(transaction, changed(1), changed(2), changed(3))
    # A batch locks them in the order of their jobs, and a deletion in that of their ids: a deadlock.
    await harness.enqueue(*reversed(new))
    jobs = await harness.claim_all()
    opened = [await deliveries.open(job) for job in jobs]

    async with asyncio.TaskGroup() as tasks, database.transaction() as transaction:
        await transaction.execute(HOLD_DELIVERY, new[1].dedupe_key)
        for job, delivery in zip(jobs, opened, strict=True):
            assert delivery is not None
            finishing = Finishing(harness.queue, job, set(), lambda: None)
            tasks.create_task(deliveries.succeed(finishing, delivery, status=200))
        await queued(database, 1)
        async with asyncio.timeout(30), database.transaction() as deleting:
            await subscriptions.delete(deleting, EVERYTHING.id, actor="key_1", because="asked for")

    assert sorted(row["state"] for row in await database.fetch(DELIVERY)) == ["delivered", "delivered", "dropped"]
    assert not await harness.states()


async def test_a_failure_of_a_delivery_that_has_ended_counts_for_nothing(database: Database) -> None:
    """Another worker made it, because the lease of this one was lost."""
    job, delivery = await claimed_delivery(database)
    subscriptions = PostgresSubscriptions(database, SEALER)
    finishing = Finishing(Harness(database).queue, job, set(), lambda: None)
    await PostgresDeliveries(database, SEALER).succeed(finishing, delivery, status=200)

    async with database.transaction() as transaction:
        assert not await fail(transaction, job, delivery, REFUSED, disable_after=0.0)
    subscription = required(await subscriptions.get(EVERYTHING.id))
    assert (subscription.state, subscription.failures) == ("active", 0)


@pytest.mark.parametrize("first", ["deletion", "death"])
async def test_a_delivery_that_dies_with_its_subscription_leaves_no_open_dead_letter(
    database: Database, first: str
) -> None:
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    announcer = QueueEvents(events, JobIntake(SEALER, POLICIES))
    harness = Harness(database, announcer=announcer)
    subscriptions = PostgresSubscriptions(database, SEALER)
    await subscriptions.create(EVERYTHING)
    async with database.transaction() as transaction:
        new = await events.append(transaction, changed(1))
    await harness.enqueue(*new)
    job = await harness.claim_one()

    async def delete() -> None:
        async with database.transaction() as deleting:
            await subscriptions.delete(deleting, EVERYTHING.id, actor="key_1", because="asked for")

    if first == "deletion":
        await delete()
        await harness.queue.bury(job, GIVEN_UP)
    else:
        async with asyncio.TaskGroup() as tasks, database.transaction() as transaction:
            await bury(transaction, job, GIVEN_UP, trace=None, announcer=announcer)
            tasks.create_task(delete())
            await queued(database, 1)

    (letter,) = await harness.dead_letters.list(DeadLetterFilter(state="all"), after=None, limit=10)
    assert (letter.state, letter.closed_reason) == ("discarded", "its subscription was deleted")
    assert (await harness.audited()).count("job.discarded") == 1
