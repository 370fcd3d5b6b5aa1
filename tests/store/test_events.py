"""Events: a feed without gaps whatever is held back, ids that sort, sealed bodies, what the queue announces."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app import telemetry
from app.event_ports import Event, NewEvent, StateMoved
from app.queue_ports import Failure, JobPolicy, NewJob, Transaction
from app.store.announcer import StoreAnnouncer
from app.store.database import Database, Query, Session
from app.store.deliveries import PostgresDeliveries
from app.store.enqueueing import JobIntake
from app.store.events import PostgresEvents
from app.store.record_states import PostgresRecordStates
from app.store.sealing import SealBroken
from app.store.subscriptions import PostgresSubscriptions
from app.subscription_ports import NewSubscription
from tests.queue.kit import POLICIES, SEALER, Kit, new, until

pytestmark = pytest.mark.anyio

T = TypeVar("T")

CLEAR = Query("TRUNCATE event", "TRUNCATE event")
ROWS = Query("SELECT event", "SELECT event::text AS everything FROM event")
TYPES = ("customer.updated", "order.created", "ticket.deleted")


def changed(number: int = 0, *, type: str = "customer.updated", **facts: Any) -> NewEvent:
    """An Event that is told from others by its number."""
    return NewEvent(type=type, data=msgspec.json.encode({"number": number}), **facts)


def numbers(events: Sequence[Event]) -> list[int]:
    """The numbers that they were made with."""
    return [body(event)["data"]["number"] for event in events]


def body(event: Event) -> Any:
    """The document of an Event."""
    return msgspec.json.decode(event.body)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(database_url, max_size=8)
    yield opened
    await opened.close()


@pytest.fixture
def events(database: Database) -> PostgresEvents:
    return PostgresEvents(database, SEALER)


async def append(database: Database, events: PostgresEvents, *wanted: NewEvent) -> None:
    """In a transaction of their own."""
    async with database.transaction() as session:
        await events.append(session, *wanted)


async def all_of(events: PostgresEvents, *types: str) -> list[Event]:
    """The whole feed, page by page."""
    found: list[Event] = []
    while page := await events.feed(types=types, after=found[-1].id if found else None, limit=2):
        found += page
    return found


# ---------------------------------------------------------------- the feed


class Steps(RuleBasedStateMachine):
    """Writers that begin, append and end at any time, and two readers that look at any time and never look back."""

    loop: asyncio.AbstractEventLoop
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.do(self.database.execute(CLEAR))
        self.events = PostgresEvents(self.database, SEALER)
        self.number = 0
        self.open: list[tuple[AsyncExitStack, Session, list[int]]] = []
        self.committed: set[int] = set()
        self.seen: dict[str | None, list[Event]] = {None: [], TYPES[0]: []}

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    @rule(
        several=st.lists(st.sampled_from(TYPES), min_size=1, max_size=3), choice=st.integers(0, 3), anew=st.booleans()
    )
    def append(self, several: list[str], choice: int, anew: bool) -> None:
        if not self.open or (anew and len(self.open) < 5):
            stack = AsyncExitStack()
            self.open.append((stack, self.do(stack.enter_async_context(self.database.transaction())), []))
        _, session, mine = self.open[choice % len(self.open)]
        first = self.number
        self.number += len(several)
        wanted = [changed(first + place, type=kind) for place, kind in enumerate(several)]
        self.do(self.events.append(session, *wanted))
        mine += range(first, self.number)

    @rule(choice=st.integers(0, 4))
    def commit(self, choice: int) -> None:
        if self.open:
            stack, _, mine = self.open.pop(choice % len(self.open))
            self.do(stack.aclose())
            self.committed.update(mine)

    @rule(choice=st.integers(0, 4))
    def roll_back(self, choice: int) -> None:
        if self.open:
            stack, _, _ = self.open.pop(choice % len(self.open))
            self.do(_roll_back(stack))

    @rule(kind=st.sampled_from([None, TYPES[0]]), limit=st.integers(1, 3))
    def read_on(self, kind: str | None, limit: int) -> None:
        seen = self.seen[kind]
        after = seen[-1].id if seen else None
        seen += self.do(self.events.feed(types=() if kind is None else (kind,), after=after, limit=limit))

    @invariant()
    def what_was_read_is_committed_and_in_order(self) -> None:
        for seen in self.seen.values():
            ids = [event.id for event in seen]
            assert ids == sorted(set(ids))
            assert set(numbers(seen)) <= self.committed

    def teardown(self) -> None:
        """When all is decided, those who never looked back have seen everything."""
        while self.open:
            self.commit(0)
        everything = self.do(all_of(self.events))
        assert sorted(numbers(everything)) == sorted(self.committed)
        for kind, seen in self.seen.items():
            wanted = [event.id for event in everything if kind in (None, event.type)]
            while len(seen) < len(wanted):
                before = len(seen)
                self.read_on(kind, 3)
                assert len(seen) > before, "a reader who never looked back has missed something"
            assert [event.id for event in seen] == wanted


async def _roll_back(stack: AsyncExitStack) -> None:
    try:
        async with stack:
            raise LookupError
    except LookupError:
        return


@contextmanager
def _open(url: str) -> Iterator[type[Steps]]:
    loop = asyncio.new_event_loop()
    database = loop.run_until_complete(Database.connect(url, max_size=8))
    try:
        yield type("StepsHere", (Steps,), {"loop": loop, "database": database})
    finally:
        loop.run_until_complete(database.close())
        loop.close()


def test_whoever_reads_on_misses_nothing_whatever_is_held_back(database_url: str) -> None:
    with _open(database_url) as steps:
        run_state_machine_as_test(
            steps,
            settings=settings(
                max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )


async def test_a_writer_that_is_held_back_holds_up_the_feed_and_loses_nothing(
    database: Database, events: PostgresEvents
) -> None:
    async with database.transaction() as slow:
        await events.append(slow, changed(1))
        await append(database, events, changed(2))

        assert numbers(await events.feed(types=(), after=None, limit=10)) == []
        assert numbers(await events.newest(types=("customer.updated",), limit=10)) == []

    assert numbers(await events.feed(types=(), after=None, limit=10)) == [1, 2]
    assert numbers(await events.newest(types=("customer.updated",), limit=10)) == [2, 1]
    assert numbers(await events.newest(types=(), limit=1)) == [2]


async def test_a_cursor_stays_good_when_its_event_has_expired(database: Database, events: PostgresEvents) -> None:
    await append(database, events, changed(1), changed(2), changed(3))
    first = (await events.feed(types=(), after=None, limit=2))[-1]

    await database.execute(Query("DELETE event", "DELETE FROM event WHERE id <= $1"), first.id)

    assert numbers(await events.feed(types=(), after=first.id, limit=10)) == [3]


async def test_types_are_read_together_in_one_order(database: Database, events: PostgresEvents) -> None:
    wanted = [changed(number, type=TYPES[number % 3]) for number in range(9)]
    await append(database, events, *wanted)

    assert numbers(await all_of(events, TYPES[0], TYPES[2])) == [0, 2, 3, 5, 6, 8]
    assert numbers(await events.newest(types=TYPES[:2], limit=4)) == [7, 6, 4, 3]


async def test_in_another_cluster_the_next_era_begins_and_everything_goes_on_behind(
    database: Database, events: PostgresEvents
) -> None:
    await append(database, events, changed(1))
    await database.execute(
        Query(
            "INSERT event",
            """
            INSERT INTO event (id, type, body, correlation_id)
            SELECT 'evt_0000' || 'ffffffff' || substr(id, 17), type, body, correlation_id FROM event
            """,
        )
    )

    raised = [await events.raise_era() for _ in range(3)]
    await append(database, events, changed(2))

    assert raised == [True, False, False]
    ids = [row["id"] for row in await database.fetch(Query("SELECT event", "SELECT id FROM event ORDER BY id"))]
    assert [id[:12] for id in ids] == ["evt_00000000", "evt_0000ffff", "evt_00010000"]
    assert numbers(await events.feed(types=(), after=ids[1], limit=10)) == [2]
    assert await events.raise_era() is False


async def test_without_a_restore_no_era_begins(database: Database, events: PostgresEvents) -> None:
    assert await events.raise_era() is False
    await append(database, events, changed(1))
    assert await events.raise_era() is False


# --------------------------------------------------------------- one event


async def test_an_event_is_the_document_of_the_contract_and_sealed_at_rest(
    database: Database, events: PostgresEvents
) -> None:
    with telemetry.bind("run-77"):
        await append(
            database,
            events,
            NewEvent(
                type="customer.updated",
                data=b'{"id":"cus_1","emails":[{"address":"canary@example.com"}]}',
                connection="shop",
                changed=("emails",),
                record="customer:1051",
                origin="in_1",
            ),
        )

    (event,) = await events.feed(types=(), after=None, limit=10)
    assert list(body(event)) == [
        *("id", "type", "timestamp", "api_version", "connection", "correlation_id", "changed", "data"),
    ]
    assert body(event) == {
        "id": event.id,
        "type": "customer.updated",
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "api_version": "v1",
        "connection": "shop",
        "correlation_id": "run-77",
        "changed": ["emails"],
        "data": {"id": "cus_1", "emails": [{"address": "canary@example.com"}]},
    }
    assert (event.record, event.origin) == ("customer:1051", "in_1")
    got = await events.get(event.id)
    assert got is not None
    assert bytes(got.body) == bytes(event.body)
    assert await events.get("evt_" + 36 * "0") is None
    assert "canary" not in (await database.fetch(ROWS))[0]["everything"]
    (audited,) = await database.fetch(Query("SELECT audit_event", "SELECT type, subject, facts FROM audit_event"))
    assert (audited["type"], audited["subject"]) == ("event.appended", event.id)
    assert "canary" not in audited["facts"]


async def test_a_body_that_was_moved_to_another_event_is_noticed(database: Database, events: PostgresEvents) -> None:
    await append(database, events, changed(1), changed(2))
    await database.execute(
        Query("UPDATE event", "UPDATE event SET body = (SELECT body FROM event ORDER BY id LIMIT 1)")
    )

    with pytest.raises(SealBroken):
        await events.feed(types=(), after=None, limit=10)


async def test_whoever_appends_gets_the_jobs_of_the_deliveries(database: Database) -> None:
    class Everybody:
        async def fan_out(self, transaction: Transaction, events: Sequence[Event]) -> Sequence[NewJob]:
            return [new("deliver", origin=event.id) for event in events]

        async def call_back(self, transaction: Transaction, event: Event, *, target_url: str, principal: str) -> NewJob:
            return new("deliver", origin=event.id, connection=target_url)

    events = PostgresEvents(database, SEALER, Everybody())
    async with database.transaction() as session:
        jobs = await events.append(session, changed(1), changed(2))
        assert await events.append(session) == ()

    assert [job.origin for job in jobs] == [event.id for event in await all_of(events)]


# ------------------------------------------------------------------ states


async def test_a_state_is_replaced_by_who_compared_with_it_and_nobody_else(database: Database) -> None:
    states = PostgresRecordStates(database, SEALER)

    async def put(data: bytes, instead_of: Any, *, deleted: bool = False) -> None:
        async with database.transaction() as session:
            await states.put(session, "customer", "shop", "1051", data=data, instead_of=instead_of, deleted=deleted)

    assert await states.get("customer", "shop", "1051") is None
    await put(b"1", None)
    with pytest.raises(StateMoved):
        await put(b"late", None)
    first = await states.get("customer", "shop", "1051")
    await put(b"2", first, deleted=True)
    with pytest.raises(StateMoved):
        await put(b"late", first)

    second = await states.get("customer", "shop", "1051")
    assert first is not None
    assert second is not None
    assert (first.data, first.deleted, second.data, second.deleted) == (b"1", False, b"2", True)
    assert second.version > first.version


# ------------------------------------------------------------- the announcer


@pytest.fixture
def kit(database: Database, events: PostgresEvents) -> Kit:
    return Kit(database, announcer=StoreAnnouncer(events, JobIntake(SEALER, POLICIES)))


NO = Failure(category="permanent", reason="no honest reading", path="$.email", mapping="hubspot.customer", revision=1)


async def test_a_job_that_is_given_up_is_told(events: PostgresEvents, kit: Kit) -> None:
    await kit.enqueue(new("ingest"))

    dead = await kit.queue.bury(await kit.claim_one(), NO)

    (event,) = await all_of(events)
    told = body(event)
    assert (event.type, event.origin, told["connection"], told["correlation_id"]) == (
        *("dead_letter.created", dead, "shop", "run-1"),
    )
    assert told["data"].pop("created_at")
    assert told["data"] == {
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
    database: Database, events: PostgresEvents, kit: Kit
) -> None:
    await append(database, events, changed(1), changed(2, type="dead_letter.created"))
    ordinary, news = await all_of(events)
    for origin in (ordinary.id, news.id, "evt_" + 36 * "f"):
        await kit.enqueue(new("deliver", origin=origin))
        await kit.queue.bury(await kit.claim_one(), NO)

    dead = await kit.dead()
    assert [one.origin for one in dead] == ["evt_" + 36 * "f", news.id, ordinary.id]
    assert [event.origin for event in (await all_of(events))[2:]] == [dead[-1].id]


SUBSCRIBER = Query(
    "INSERT subscription",
    "INSERT INTO subscription (id, principal, target_url, events) VALUES ($1, 'key_1', '', '{*}')",
)
DELIVERY = Query("SELECT delivery", "SELECT state, ended_at IS NOT NULL AS ended FROM delivery")


async def test_a_delivery_that_kills_its_workers_is_given_up_with_its_job(database: Database) -> None:
    await database.execute(SUBSCRIBER, "sub_1")
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    kit = Kit(database, announcer=StoreAnnouncer(events, JobIntake(SEALER, POLICIES)))
    async with database.transaction() as session:
        await kit.queue.enqueue(session, *await events.append(session, changed(1, type="dead_letter.created")))
    for _ in range(POLICIES.get("deliver", JobPolicy()).max_attempts):
        assert len(await kit.claim()) == 1
        await kit.pass_time(60)
        await kit.queue.expire(10)

    (dead,) = await kit.dead()
    assert (dead.kind, dead.category) == ("deliver", "poison")
    (delivery,) = await database.fetch(DELIVERY)
    assert (delivery["state"], delivery["ended"]) == ("dead", True)


async def test_whoever_subscribes_gets_every_event_that_the_feed_has_not_shown_by_then(database: Database) -> None:
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    wanted = NewSubscription(
        id="sub_1",
        principal="key_1",
        target_url="https://example.com/",
        events=("*",),
        connection=None,
        secret="whsec_",
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        async with database.transaction() as session:
            await events.append(session, changed(1))
            subscribing = tasks.create_task(PostgresSubscriptions(database, SEALER).create(wanted))
            await until(lambda: subscribing.done() or is_waiting(database))
            if subscribing.done():
                assert numbers(await events.feed(types=(), after=None, limit=10)) == [1]
        await subscribing
    await append(database, events, changed(2))

    assert numbers(await all_of(events)) == [1, 2]
    assert len(await database.fetch(DELIVERY)) == 1


async def is_waiting(database: Database) -> bool:
    """Whether somebody waits for a lock that another transaction holds."""
    waiting = Query("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(await database.fetch_value(waiting))


async def test_a_pause_is_told_once_whoever_paused(events: PostgresEvents, kit: Kit) -> None:
    await kit.enqueue(new(), new(connection="desk"))
    await kit.claim_all()
    assert await kit.lanes.pause("shop", actor="ada", note="moving house")
    assert not await kit.lanes.pause("shop", actor="ada", note="moving house")

    (event,) = await all_of(events)

    assert (event.type, event.connection) == ("connection.paused", "shop")
    assert body(event)["data"] == {"connection": "shop", "why": "operator", "note": "moving house"}


async def test_a_refused_credential_is_told(events: PostgresEvents, kit: Kit) -> None:
    await kit.enqueue(new())

    await kit.queue.refuse(await kit.claim_one(), "vendor-auth-failed")

    (event,) = await all_of(events)
    assert body(event)["data"] == {"connection": "shop", "why": "auth", "note": "vendor-auth-failed"}
