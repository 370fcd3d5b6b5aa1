"""How attempts end: back-off, leases that run out, poison, dead letters and their second life."""

from datetime import timedelta

import pytest

from app.dead_letters.models import AlreadyQueued, DeadLetterFilter, NotOpen
from app.postgres.database import Statement
from app.queue.figures import read_figures
from app.queue.models import JobFailure
from tests.queue.harness import Harness, new
from tests.required import required

PERMANENT = JobFailure(category="permanent", reason="no such field", path="/email", mapping="shop.customer", revision=3)
CONFLICT = JobFailure(category="conflict", reason="not the owner")
RUN_IN = Statement("SELECT job", "SELECT extract(epoch FROM run_at - now())::float8 FROM job")


async def test_back_off_is_exponential_with_full_jitter_and_bounded(harness: Harness) -> None:
    await harness.enqueue(new("hasty"))
    delays = []
    for _ in range(20):
        await harness.queue.retry(await harness.claim_one(), "timeout")
        delays.append(await harness.database.fetch_value(RUN_IN))
        await harness.database.execute(
            Statement("UPDATE job", "UPDATE job SET run_at = now(), give_up_at = now() + '1 day'")
        )

    assert all(delay <= 2.0**number for number, delay in enumerate(delays))
    assert all(delay <= 300.0 for delay in delays)
    assert max(delays) > 60.0
    assert len({round(delay, 3) for delay in delays}) == 20


async def test_a_wait_that_the_vendor_asked_for_is_kept(harness: Harness) -> None:
    await harness.enqueue(new())
    await harness.queue.retry(await harness.claim_one(), "busy", after=42.0)

    assert 41.0 < (await harness.due_in() or 0) <= 42.0


async def test_a_deferred_job_waits_fractions_of_a_second_too(harness: Harness) -> None:
    await harness.enqueue(new())
    for seconds in (0.75, 1.75):
        await harness.queue.give_back([await harness.claim_one()], "not yet", after=seconds)
        assert seconds - 0.7 < await harness.database.fetch_value(RUN_IN) <= seconds
        await harness.pass_time(seconds)


async def test_a_dead_letter_lists_all_attempts(harness: Harness) -> None:
    (job_id,) = await harness.enqueue(new("thrice", origin="rcp_1", dedupe_key="d", order_key="a"))
    for expected in ("retried", "retried", "dead"):
        assert await harness.queue.retry(await harness.claim_one(), "timeout") == expected

    (dead,) = await harness.dead()
    assert (dead.category, dead.reason, dead.attempts) == ("transient", "timeout", 3)
    assert (dead.job_id, dead.origin, dead.dedupe_key, dead.order_key) == (job_id, "rcp_1", "d", "a")
    assert await harness.dead_letters.payload(dead.id) == b"{}"
    attempts = await harness.dead_letters.attempts(dead.job_id)
    assert [(attempt.number, attempt.outcome) for attempt in attempts] == [(1, "retried"), (2, "retried"), (3, "dead")]
    assert all(attempt.started_at <= attempt.ended_at for attempt in attempts)
    assert await harness.audited() == ["job.queued", "job.retried", "job.retried", "job.dead_lettered"]


async def test_time_that_a_job_could_not_be_tried_does_not_count_against_it(harness: Harness) -> None:
    await harness.enqueue(new("hasty"))
    late = "UPDATE job SET created_at = created_at - $1::interval, give_up_at = give_up_at - $1::interval"
    await harness.database.execute(Statement("UPDATE job", late), timedelta(days=3))
    await harness.queue.throttle(await harness.claim_one(), "429", retry_after=0.0)

    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=50.0) == "retried"
    await harness.pass_time(50)
    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=20.0) == "dead"


async def test_a_job_dies_when_its_next_attempt_would_come_too_late(harness: Harness) -> None:
    await harness.enqueue(new("hasty"))

    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=59.0) == "retried"
    await harness.pass_time(59)
    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=2.0) == "dead"


async def test_a_lease_that_runs_out_frees_the_job_with_the_attempt_counted(harness: Harness) -> None:
    await harness.enqueue(new())
    job = await harness.claim_one()
    await harness.pass_time(20)
    assert await harness.queue.leases.extend([job]) == set()
    await harness.pass_time(20)
    assert await harness.queue.expire(10) == 0
    await harness.pass_time(20)
    assert await harness.queue.expire(10) == 1

    assert (await harness.claim_one()).attempt == 2
    (lost,) = await harness.dead_letters.attempts(job.id)
    assert lost.outcome == "lost"


async def test_a_job_whose_workers_all_die_is_poison(harness: Harness) -> None:
    await harness.enqueue(new("thrice", order_key="a"), new("thrice", order_key="a"))
    for _ in range(3):
        job = await harness.claim_one()
        await harness.pass_time(31)
        assert await harness.queue.expire(10) == 1

    (dead,) = await harness.dead()
    assert (dead.job_id, dead.category, dead.attempts) == (job.id, "poison", 3)
    assert [attempt.outcome for attempt in await harness.dead_letters.attempts(job.id)] == ["lost", "lost", "dead"]
    assert (await harness.claim_one()).id != job.id


async def test_a_permanent_failure_keeps_the_reason_the_place_and_the_mapping(harness: Harness) -> None:
    await harness.enqueue(new())
    identity = await harness.queue.bury(await harness.claim_one(), PERMANENT)

    dead = required(await harness.dead_letters.get(identity))
    assert (dead.category, dead.path, dead.mapping, dead.revision) == ("permanent", "/email", "shop.customer", 3)
    assert await harness.states() == {}


async def test_a_redrive_gives_new_attempts_to_the_same_job(harness: Harness) -> None:
    (job_id,) = await harness.enqueue(new("strict", order_key="a", dedupe_key="d", origin="rcp_1"))
    await harness.queue.bury(await harness.claim_one(), PERMANENT)
    (dead,) = await harness.dead()
    async with harness.database.transaction() as session:
        await harness.dead_letters.redrive(session, dead.id, actor="ada", payload=b"mended")

    job = await harness.claim_one()
    assert (job.id, job.attempt, job.payload, job.origin) == (job_id, 2, b"mended", "rcp_1")
    assert (job.order_key, job.dedupe_key, job.correlation_id) == ("a", "d", "run-1")
    assert await harness.queue.retry(job, "timeout", after=0.0) == "retried"
    assert await harness.queue.retry(await harness.claim_one(), "timeout") == "dead"
    assert [
        dead.state for dead in await harness.dead_letters.list(DeadLetterFilter(state="all"), after=None, limit=9)
    ] == [
        "open",
        "redriven",
    ]
    assert [attempt.number for attempt in await harness.dead_letters.attempts(job.id)] == [1, 2, 3]


async def test_a_dead_letter_is_decided_about_once(harness: Harness) -> None:
    await harness.enqueue(new())
    identity = await harness.queue.bury(await harness.claim_one(), PERMANENT)
    async with harness.database.transaction() as session:
        await harness.dead_letters.discard(session, identity, actor="ada", because="a test order")

    for decide in (
        lambda session: harness.dead_letters.redrive(session, identity, actor="bob"),
        lambda session: harness.dead_letters.discard(session, identity, actor="bob", because="me too"),
        lambda session: harness.dead_letters.redrive(session, "dl_none", actor="bob"),
    ):
        with pytest.raises(NotOpen):
            async with harness.database.transaction() as session:
                await decide(session)
    discarded = required(await harness.dead_letters.get(identity))
    assert (discarded.state, discarded.closed_by, discarded.closed_reason) == ("discarded", "ada", "a test order")
    assert await harness.audited() == ["job.queued", "job.dead_lettered", "job.discarded"]


async def test_a_redrive_does_not_do_work_twice_that_was_enqueued_anew(harness: Harness) -> None:
    await harness.enqueue(new(dedupe_key="d"))
    identity = await harness.queue.bury(await harness.claim_one(), PERMANENT)
    await harness.enqueue(new(dedupe_key="d"))

    with pytest.raises(AlreadyQueued):
        async with harness.database.transaction() as session:
            await harness.dead_letters.redrive(session, identity, actor="ada")
    assert [dead.id for dead in await harness.dead()] == [identity]


async def test_dead_letters_are_found_by_what_they_are(harness: Harness) -> None:
    await harness.enqueue(new(), new("strict", connection="desk"), new(correlation_id="run-2"))
    for job in await harness.claim_all():
        await harness.queue.bury(job, CONFLICT if job.connection == "desk" else PERMANENT)

    everything = await harness.dead()
    assert [dead.id for dead in everything] == sorted((dead.id for dead in everything), reverse=True)
    for which, expected in (
        (DeadLetterFilter(connection="shop"), 2),
        (DeadLetterFilter(kind="strict"), 1),
        (DeadLetterFilter(category="conflict"), 1),
        (DeadLetterFilter(correlation_id="run-2"), 1),
        # Not that of the first listed: ids made within one millisecond have no order among themselves.
        (DeadLetterFilter(since=max(dead.created_at for dead in everything)), 1),
        (DeadLetterFilter(state="discarded"), 0),
    ):
        assert (await harness.dead_letters.preview(which, limit=1)).redriven == expected
        assert len(await harness.dead_letters.list(which, after=None, limit=10)) == expected
    older = await harness.dead_letters.list(DeadLetterFilter(), after=everything[0].id, limit=1)
    assert [dead.id for dead in older] == [everything[1].id]


async def test_the_figures_tell_what_waits_and_what_is_held_up(harness: Harness) -> None:
    await harness.enqueue(new(order_key="a"), new(order_key="a"), new(order_key="b"), new(after=60.0))
    await harness.enqueue(new("strict", order_key="c"), new("strict", order_key="c"))
    for job in await harness.claim():
        if job.order_key == "a":
            await harness.queue.retry(job, "timeout", after=30.0)
        if job.order_key == "c":
            await harness.queue.bury(job, PERMANENT)
    await harness.enqueue(new(order_key="d"))
    await harness.database.execute(
        Statement("UPDATE job", "UPDATE job SET created_at = created_at - interval '1 hour' WHERE order_key = 'a'")
    )
    await harness.pass_time(10)

    strict, work = await read_figures(harness.database)
    assert (strict.kind, strict.depth, strict.ready, strict.blocked_keys) == ("strict", 1, 0, 1)
    assert (work.depth, work.ready, work.running, work.blocked_keys) == (5, 1, 1, 1)
    assert work.oldest_age >= 3600.0
    assert 3600.0 <= work.lag < 3620.0  # a retry waits since it was enqueued, not since its next attempt is due
