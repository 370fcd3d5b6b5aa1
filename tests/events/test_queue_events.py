"""What the queue announces: dead letters, pauses and refused credentials become Events."""

import pytest

from app.events.queue_events import QueueEvents
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.postgres.database import Database, Statement
from app.queue.enqueue import JobIntake
from app.queue.models import JobFailure, JobPolicy
from tests.encryption import SEALER
from tests.events.numbered_events import DELIVERY, all_of, append, body, changed
from tests.queue.harness import POLICIES, Harness, new


@pytest.fixture
def harness(database: Database, events: PostgresEvents) -> Harness:
    return Harness(database, announcer=QueueEvents(events, JobIntake(SEALER, POLICIES)))


NO = JobFailure(
    category="permanent", reason="no honest reading", path="$.email", mapping="hubspot.customer", revision=1
)


async def test_a_dead_letter_is_announced(events: PostgresEvents, harness: Harness) -> None:
    await harness.enqueue(new("ingest"))

    dead = await harness.queue.bury(await harness.claim_one(), NO)

    (event,) = await all_of(events)
    document = body(event)
    assert (event.type, event.origin, document["connection"], document["correlation_id"]) == (
        *("dead_letter.created", dead, "shop", "run-1"),
    )
    assert document["data"].pop("created_at")
    assert document["data"] == {
        "id": dead,
        "kind": "ingest",
        "connection": "shop",
        "category": "permanent",
        "reason": "no honest reading",
        "path": "$.email",
        "mapping": "hubspot.customer",
        "revision": 1,
        "attempts": 1,
        "correlation_id": "run-1",
        "href": f"/ops/dead-letters/{dead}",
    }


async def test_news_of_dead_letters_that_cannot_be_delivered_is_not_news_again(
    database: Database, events: PostgresEvents, harness: Harness
) -> None:
    await append(database, events, changed(1), changed(2, type="dead_letter.created"))
    ordinary, news = await all_of(events)
    for origin in (ordinary.id, news.id, "evt_" + 36 * "f"):
        await harness.enqueue(new("deliver", origin=origin))
        await harness.queue.bury(await harness.claim_one(), NO)

    dead = await harness.dead()
    assert [one.origin for one in dead] == ["evt_" + 36 * "f", news.id, ordinary.id]
    assert [event.origin for event in (await all_of(events))[2:]] == [dead[-1].id]


SUBSCRIBER = Statement(
    "INSERT subscription",
    "INSERT INTO subscription (id, principal, target_url, digest, events) VALUES ($1, 'key_1', '', sha256(''), '{*}')",
)


async def test_a_delivery_that_kills_its_workers_is_given_up_with_its_job(database: Database) -> None:
    await database.execute(SUBSCRIBER, "sub_1")
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    harness = Harness(database, announcer=QueueEvents(events, JobIntake(SEALER, POLICIES)))
    async with database.transaction() as session:
        await harness.queue.enqueue(session, *await events.append(session, changed(1, type="dead_letter.created")))
    for _ in range(POLICIES.get("deliver", JobPolicy()).max_attempts):
        assert len(await harness.claim()) == 1
        await harness.pass_time(60)
        await harness.queue.expire(10)

    (dead,) = await harness.dead()
    assert (dead.kind, dead.category) == ("deliver", "poison")
    (delivery,) = await database.fetch(DELIVERY)
    assert (delivery["state"], delivery["ended"]) == ("dead", True)


async def test_a_pause_is_announced_once(events: PostgresEvents, harness: Harness) -> None:
    await harness.enqueue(new(), new(connection="desk"))
    await harness.claim_all()
    assert await harness.pauses.pause("shop", actor="ada", note="moving house")
    assert not await harness.pauses.pause("shop", actor="ada", note="moving house")

    (event,) = await all_of(events)

    assert (event.type, event.connection) == ("connection.paused", "shop")
    assert body(event)["data"] == {"connection": "shop", "why": "operator", "note": "moving house"}


async def test_a_refused_credential_is_reported(events: PostgresEvents, harness: Harness) -> None:
    await harness.enqueue(new())

    await harness.queue.refuse(await harness.claim_one(), "vendor-auth-failed")

    (event,) = await all_of(events)
    assert body(event)["data"] == {"connection": "shop", "why": "auth", "note": "vendor-auth-failed"}
