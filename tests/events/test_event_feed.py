"""The feed: one order without gaps, also with uncommitted Events, and continued after a restore."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.events.models import Event
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database, Statement, Transaction
from tests.encryption import SEALER
from tests.events.numbered_events import DELIVERY, EVERYTHING, TYPES, all_of, append, changed, numbers
from tests.queue.harness import until

T = TypeVar("T")

CLEAR = Statement("TRUNCATE event", "TRUNCATE event")


class Steps(RuleBasedStateMachine):
    """Writers that begin, append and end at any time, and two readers that look at any time and never look back."""

    loop: asyncio.AbstractEventLoop
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.do(self.database.execute(CLEAR))
        self.events = PostgresEvents(self.database, SEALER)
        self.number = 0
        self.open: list[tuple[AsyncExitStack, Transaction, list[int]]] = []
        self.committed: set[int] = set()
        self.events_read: dict[str | None, list[Event]] = {None: [], TYPES[0]: []}

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
        events_read = self.events_read[kind]
        after = events_read[-1].id if events_read else None
        events_read += self.do(self.events.feed(types=() if kind is None else (kind,), after=after, limit=limit))

    @invariant()
    def what_was_read_is_committed_and_in_order(self) -> None:
        for events_read in self.events_read.values():
            ids = [event.id for event in events_read]
            assert ids == sorted(set(ids))
            assert set(numbers(events_read)) <= self.committed

    def teardown(self) -> None:
        """When all is decided, those who never looked back have seen everything."""
        while self.open:
            self.commit(0)
        everything = self.do(all_of(self.events))
        assert sorted(numbers(everything)) == sorted(self.committed)
        for kind, events_read in self.events_read.items():
            wanted = [event.id for event in everything if kind in (None, event.type)]
            while len(events_read) < len(wanted):
                before = len(events_read)
                self.read_on(kind, 3)
                assert len(events_read) > before, "a reader who never looked back has missed something"
            assert [event.id for event in events_read] == wanted


async def _roll_back(stack: AsyncExitStack) -> None:
    try:
        async with stack:
            raise LookupError
    except LookupError:
        return


@contextmanager
def _open(url: str) -> Iterator[type[Steps]]:
    loop = asyncio.new_event_loop()
    database = loop.run_until_complete(Database.connect(url, max_size=8, acquire_timeout=60.0))
    try:
        yield type("StepsHere", (Steps,), {"loop": loop, "database": database})
    finally:
        loop.run_until_complete(database.close())
        loop.close()


def test_a_reader_misses_no_event_that_commits_late(database_url: str) -> None:
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

    await database.execute(Statement("DELETE event", "DELETE FROM event WHERE id <= $1"), first.id)

    assert numbers(await events.feed(types=(), after=first.id, limit=10)) == [3]


async def test_types_are_read_together_in_one_order(database: Database, events: PostgresEvents) -> None:
    wanted = [changed(number, type=TYPES[number % 3]) for number in range(9)]
    await append(database, events, *wanted)

    assert numbers(await all_of(events, TYPES[0], TYPES[2])) == [0, 2, 3, 5, 6, 8]
    assert numbers(await events.newest(types=TYPES[:2], limit=4)) == [7, 6, 4, 3]


async def test_another_cluster_begins_a_new_era_of_ids(database: Database, events: PostgresEvents) -> None:
    await append(database, events, changed(1))
    await database.execute(
        Statement(
            "INSERT event",
            """
            INSERT INTO event (id, type, scopes, body, correlation_id)
            SELECT 'evt_0000' || 'ffffffff' || substr(id, 17), type, scopes, body, correlation_id FROM event
            """,
        )
    )

    raised = [await events.raise_era() for _ in range(3)]
    await append(database, events, changed(2))

    assert raised == [True, False, False]
    ids = [row["id"] for row in await database.fetch(Statement("SELECT event", "SELECT id FROM event ORDER BY id"))]
    assert [id[:12] for id in ids] == ["evt_00000000", "evt_0000ffff", "evt_00010000"]
    assert numbers(await events.feed(types=(), after=ids[1], limit=10)) == [2]
    assert await events.raise_era() is False


async def test_each_timeline_begins_a_new_era_while_processes_run(database: Database, events: PostgresEvents) -> None:
    """A promoted standby that lacks the last commits deals out their transaction numbers again."""
    await append(database, events, changed(1))
    await database.execute(Statement("UPDATE event_era", "UPDATE event_era SET timeline = timeline - 2"))
    await append(database, events, changed(2))

    ids = [row["id"] for row in await database.fetch(Statement("SELECT event", "SELECT id FROM event ORDER BY id"))]
    assert [id[:8] for id in ids] == ["evt_0000", "evt_0002"]
    assert numbers(await events.feed(types=(), after=ids[0], limit=10)) == [2]
    # Restored into a cluster with fewer timelines.
    await database.execute(Statement("UPDATE event_era", "UPDATE event_era SET timeline = timeline + 3"))
    assert await events.raise_era()
    await append(database, events, changed(3))
    assert numbers(await events.feed(types=(), after=ids[1], limit=10)) == [3]


async def test_without_a_restore_no_era_begins(database: Database, events: PostgresEvents) -> None:
    assert await events.raise_era() is False
    await append(database, events, changed(1))
    assert await events.raise_era() is False


async def test_a_new_subscription_gets_every_event_not_yet_in_the_feed(database: Database) -> None:
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        async with database.transaction() as session:
            await events.append(session, changed(1))
            subscribing = tasks.create_task(PostgresSubscriptions(database, SEALER).create(EVERYTHING))
            await until(lambda: subscribing.done() or is_waiting(database))
            if subscribing.done():
                assert numbers(await events.feed(types=(), after=None, limit=10)) == [1]
        await subscribing
    await append(database, events, changed(2))

    assert numbers(await all_of(events)) == [1, 2]
    assert len(await database.fetch(DELIVERY)) == 1


async def is_waiting(database: Database) -> bool:
    """Whether somebody waits for a lock that another transaction holds."""
    waiting = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(await database.fetch_value(waiting))


class LateReplies(Database):
    """A database whose rows arrive late."""

    arrived: asyncio.Event
    may_arrive: asyncio.Event

    async def fetch(self, query: Statement, *arguments: Any) -> list[Any]:
        """Return the rows once they may arrive."""
        rows = await super().fetch(query, *arguments)
        self.arrived.set()
        await self.may_arrive.wait()
        return rows


async def test_late_places_do_not_turn_round_a_transaction(database: Database, database_url: str) -> None:
    events = PostgresEvents(database, SEALER)
    late = await LateReplies.connect(database_url)
    late.arrived, late.may_arrive = asyncio.Event(), asyncio.Event()
    try:
        slow = asyncio.create_task(events.prepare(late, changed()))
        await late.arrived.wait()
        async with database.transaction() as session:
            await events.append(session, *(changed(number) for number in range(100)))
            late.may_arrive.set()
            await slow
            await events.append(session, changed(100))
    finally:
        await late.close()
    assert numbers(await all_of(events)) == list(range(101))
