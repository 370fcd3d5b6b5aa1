"""Lanes: jobs of a connection go by their shares of its budget, and a pause holds up only its own connection."""

from collections import Counter

from app.queue.models import Allowance, BudgetShare, JobFailure
from app.queue.places import HeldPlaces
from tests.queue.harness import Harness, new


async def test_urgent_jobs_go_before_the_others_of_their_lane(harness: Harness) -> None:
    await harness.enqueue(*(new() for _ in range(5)))
    later = await harness.enqueue(new("urgent", after=60.0), new("urgent"), new("urgent"))

    claimed = [job.id for job in await harness.claim(3)]

    assert claimed[:2] == later[1:]
    assert claimed[2] not in later
    assert len(await harness.claim()) == 4


async def test_a_redriven_urgent_job_is_urgent_again(harness: Harness) -> None:
    await harness.enqueue(new("urgent"))
    letter = await harness.queue.bury(await harness.claim_one(), JobFailure(category="permanent", reason="no"))
    await harness.enqueue(*(new() for _ in range(3)))
    async with harness.database.transaction() as session:
        await harness.dead_letters.redrive(session, letter, actor="ada")

    assert (await harness.claim_one()).kind == "urgent"


async def test_a_share_without_budget_holds_no_places(harness: Harness) -> None:
    await harness.enqueue(*(new(share=share) for share in BudgetShare for _ in range(10)))
    short = {
        ("shop", BudgetShare.EVENTS): Allowance(jobs=3, opens_in=0.0),
        ("shop", BudgetShare.BACKFILL): Allowance(jobs=0, opens_in=7.0),
        ("shop", BudgetShare.PULL): Allowance(jobs=0, opens_in=5.0),
    }

    claimed = await harness.queue.claims.claim(100, running={}, at_most=100, allowances=short)
    closed = dict(short) | {("shop", BudgetShare.EVENTS): Allowance(jobs=0, opens_in=6.0)}
    idle = await harness.queue.claims.claim(100, running={}, at_most=100, allowances=closed)

    assert Counter(job.share for job in claimed.jobs) == {BudgetShare.INTERACTIVE: 10, BudgetShare.EVENTS: 3}
    assert (idle.jobs, idle.due_in) == ([], 5.0)
    assert len(await harness.claim()) == 27


async def test_a_flood_of_events_leaves_one_place_to_a_walk_and_a_backfill_each(harness: Harness) -> None:
    await harness.enqueue(*(new() for _ in range(30)))
    await harness.enqueue(*(new(share=share) for share in (BudgetShare.BACKFILL, BudgetShare.PULL) for _ in range(3)))

    first = await harness.queue.claims.claim(10, running={}, at_most=10)
    running = {"shop": HeldPlaces(places=2, earned=0, shares=frozenset({BudgetShare.PULL, BudgetShare.BACKFILL}))}
    second = await harness.queue.claims.claim(10, running=running, at_most=10)

    assert Counter(job.share for job in first.jobs) == {
        BudgetShare.EVENTS: 8,
        BudgetShare.PULL: 1,
        BudgetShare.BACKFILL: 1,
    }
    assert Counter(job.share for job in second.jobs) == {BudgetShare.EVENTS: 8}


async def test_lanes_are_served_in_turn(harness: Harness) -> None:
    connections = ["a", "b", "c"]
    await harness.enqueue(*(new(connection=name) for name in connections for _ in range(4)))

    served = [(await harness.claim(2))[0].connection for _ in range(6)]

    assert sorted(served[:3]) == sorted(served[3:]) == connections


async def test_a_lane_that_has_all_the_places_it_may_have_is_passed_over(harness: Harness) -> None:
    await harness.enqueue(*(new(connection="slow") for _ in range(9)), new(connection="swift"))

    claimed = await harness.queue.claims.claim(10, running={"slow": HeldPlaces(places=3, earned=0)}, at_most=4)

    assert Counter(job.connection for job in claimed.jobs) == {"slow": 1, "swift": 1}
    assert claimed.full == {"slow"}
    assert not (await harness.queue.claims.claim(10, running={"slow": HeldPlaces(places=4, earned=0)}, at_most=4)).jobs


async def test_a_throttle_holds_up_its_connection_and_costs_the_job_nothing(harness: Harness) -> None:
    ids = await harness.enqueue(new(), new(), new(connection="desk"))
    first, _ = await harness.claim_all_of("shop")
    await harness.queue.throttle(first, "429", retry_after=30.0)

    assert {job.connection for job in await harness.claim_all()} == {"desk"}
    assert 29.0 < (await harness.due_in() or 0) <= 30.0
    await harness.pass_time(30.1)
    again = await harness.claim_one()
    assert (again.id, again.attempt, again.deferred, again.probe) == (ids[0], 2, 1, True)


async def test_a_job_may_be_throttled_more_often_than_it_has_attempts(harness: Harness) -> None:
    await harness.enqueue(new("strict"))
    for _ in range(5):
        await harness.queue.throttle(await harness.claim_one(), "429", retry_after=1.0)
        await harness.pass_time(1.1)

    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=0.0) == "retried"
    await harness.pass_time(60)
    assert await harness.queue.retry(await harness.claim_one(), "timeout", after=0.0) == "dead"


async def test_exactly_one_job_probes_until_one_succeeds(harness: Harness) -> None:
    await harness.enqueue(*(new() for _ in range(6)))
    await harness.queue.throttle(await harness.claim_one(), "429", retry_after=5.0)
    await harness.pass_time(5.1)

    probe = await harness.claim_one()
    assert probe.probe
    assert await harness.claim() == []
    await harness.queue.throttle(probe, "429", retry_after=5.0)
    assert await harness.claim() == []
    await harness.pass_time(5.1)

    undecided = await harness.claim_one()
    await harness.queue.retry(undecided, "timeout", after=3.0)
    assert await harness.claim() == []
    await harness.pass_time(3.1)

    lost = await harness.claim_one()
    await harness.pass_time(31)
    await harness.queue.expire(10)
    success = await harness.claim_one()
    assert (lost.probe, success.probe) == (True, True)
    assert await harness.claim() == []
    await harness.finish(success)
    assert len(await harness.claim()) == 5
    assert [lane.blocked_reason for lane in await harness.lanes.list()] == [None]


async def test_a_vendor_who_refuses_the_data_of_a_probe_is_there_again(harness: Harness) -> None:
    await harness.enqueue(new(), new())
    await harness.queue.throttle(await harness.claim_one(), "429", retry_after=0.0)
    await harness.queue.bury(await harness.claim_one(), JobFailure(category="permanent", reason="no such field"))

    assert not (await harness.claim_one()).probe


async def test_without_a_time_from_the_vendor_each_pause_is_longer(harness: Harness) -> None:
    await harness.enqueue(new("hasty"))
    pauses = []
    for _ in range(6):
        await harness.queue.throttle(await harness.claim_one(), "429", retry_after=None)
        (lane,) = await harness.lanes.list()
        assert lane.blocked_seconds is not None
        pauses.append(lane.blocked_seconds)
        await harness.pass_time(lane.blocked_seconds + 0.1)

    assert all(2.0**number * 0.45 <= pause <= 2.0**number for number, pause in enumerate(pauses))


async def test_many_refusals_at_once_count_as_one(harness: Harness) -> None:
    await harness.enqueue(*(new() for _ in range(10)))
    for job in await harness.claim():
        await harness.queue.throttle(job, "429", retry_after=None)

    (lane,) = await harness.lanes.list()
    assert lane.blocked_seconds is not None
    assert lane.blocked_seconds <= 1.0
    assert (await harness.audited()).count("connection.throttled") == 1


async def test_a_refused_credential_pauses_until_an_operator_resumes(harness: Harness) -> None:
    await harness.enqueue(new(), new(), new(connection="desk"))
    first, second = await harness.claim_all_of("shop")
    await harness.queue.refuse(first, "invalid token")
    await harness.queue.refuse(second, "invalid token")
    await harness.pass_time(86400)
    assert {job.connection for job in await harness.claim_all()} == {"desk"}
    (_, lane) = await harness.lanes.list()
    assert (lane.blocked_reason, lane.blocked_seconds, lane.blocked_note) == ("auth", None, "invalid token")

    assert await harness.pauses.resume("shop", actor="ada")
    probe = await harness.claim_one()
    assert probe.probe
    assert await harness.claim() == []
    await harness.finish(probe)
    assert len(await harness.claim()) == 1
    assert [kind for kind in await harness.audited() if kind.startswith("connection.")] == [
        "connection.paused",
        "connection.resumed",
        "connection.resumed",
    ]


async def test_a_person_pauses_and_resumes(harness: Harness) -> None:
    await harness.enqueue(new(), new())
    running = await harness.claim_one()
    assert await harness.pauses.pause("shop", actor="ada", note="maintenance")
    assert not await harness.pauses.pause("shop", actor="bob", note="me too")
    await harness.queue.throttle(running, "429", retry_after=1.0)
    await harness.pass_time(3600)
    assert await harness.claim() == []

    assert await harness.pauses.resume("shop", actor="ada")
    assert not await harness.pauses.resume("shop", actor="ada")
    assert len(await harness.claim()) == 2


async def test_a_throttled_connection_leaves_the_others_their_speed(harness: Harness) -> None:
    names = ["bad", "good-1", "good-2", "good-3"]
    await harness.enqueue(*(new(connection=name) for name in names for _ in range(40)))
    (bad, *_) = await harness.claim_all_of("bad")
    await harness.queue.throttle(bad, "429", retry_after=86_400.0)

    assert Counter(job.connection for job in await harness.claim_all()) == dict.fromkeys(names[1:], 40)
