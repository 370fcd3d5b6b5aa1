"""Several workers: each alarm is raised and ended once, and one that died or is configured differently is named."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from app.audit import record as audit
from app.audit.chain import AuditSealer
from app.audit.trail import PostgresAuditTrail
from app.monitoring.store import heartbeats
from app.monitoring.store.alarms import LEADING
from app.monitoring.watch import Watch
from app.postgres.database import Database
from app.postgres.listen import Listener
from app.queue.pauses import PostgresPauses
from app.settings.alerts import AlertSettings
from tests.monitoring.test_retention import sql
from tests.monitoring.watching import Clock, open_dead_letter, reported, watching
from tests.queue.harness import until
from tests.vendors.vendor_server import VendorServer, running_vendor

BEAT = """INSERT INTO heartbeat (process, role, holder, settings, keys, started_at, seen_at)
          VALUES ($1, $2, 1, $3, $4::text[], now() - interval '1 hour', now() - make_interval(secs => $5))"""


async def open_two(
    stack: AsyncExitStack, url: str, clock: Clock | None = None
) -> tuple[VendorServer, list[Watch], list[Database]]:
    """The receiver of two workers, of which the second has no connection in its settings, and their databases."""
    receiver = await stack.enter_async_context(running_vendor())
    alerts = AlertSettings(url=receiver.url)
    watches, databases = [], []
    for connections in (["crm", "shop"], []):
        database = await Database.connect(url, max_size=1)
        stack.push_async_callback(database.close)
        databases.append(database)
        watches.append(await stack.enter_async_context(watching(database, alerts, clock, connections=connections)))
    return receiver, watches, databases


async def test_two_workers_raise_and_end_each_alarm_once(database: Database, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        receiver, watches, _ = await open_two(stack, database_url)
        pauses = PostgresPauses(database)
        await pauses.pause("crm", actor="ada", note="stop")
        await open_dead_letter(database)
        await AuditSealer(database).seal()
        for _ in range(3):
            for watch in watches:
                await watch.check()
        for _ in range(5):
            await asyncio.gather(*(watch.check() for watch in watches))
        names = ["connection_paused.crm", "dead_letters"]
        assert sorted(reported(receiver)) == [(name, "raised") for name in names]
        await pauses.resume("crm", actor="ada")
        await sql(database, "DELETE FROM dead_letter")
        await AuditSealer(database).seal()
        for _ in range(3):
            for watch in reversed(watches):
                await watch.check()
        for _ in range(5):
            await asyncio.gather(*(watch.check() for watch in watches))
        assert sorted(reported(receiver)) == [(name, state) for name in names for state in ("over", "raised")]


@pytest.mark.parametrize(
    ("minutes", "survivor", "states"),
    [
        (1, None, ["raised", "over"]),
        (10, None, ["raised", "standing", "over"]),  # the second worker cannot know that the first one lives
        (1, 1, ["raised", "over"]),
        (1, 0, ["raised", "over"]),
    ],
)
async def test_an_outage_of_the_database_is_raised_and_ended_once(
    database_url: str, minutes: int, survivor: int | None, states: list[str]
) -> None:
    """Also if one of the two workers dies during the outage."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        receiver, watches, databases = await open_two(stack, database_url, clock)

        async def pass_time(seconds: int) -> None:
            for _ in range(seconds // 5):
                for watch in watches:
                    await watch.check()
                clock.now += 5

        await pass_time(10)
        pools = [database._pool for database in databases]
        for database, pool in zip(databases, pools, strict=True):
            database._pool = None  # type: ignore[assignment]
            await pool.close()
            database._pool = pool
        await pass_time(minutes * 60)
        if survivor is not None:
            watches, databases = [watches[survivor]], [databases[survivor]]
        for database in databases:
            again = await Database.connect(database_url, max_size=1)
            stack.push_async_callback(again.close)
            database._pool = again._pool
        for watch in reversed(watches):
            await watch.check()
        await pass_time(60)
        assert reported(receiver) == [("database_away", state) for state in states]


async def test_a_third_worker_stands_in_once_the_first_has_died(database: Database, database_url: str) -> None:
    clock = Clock()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(running_vendor())
        databases = [await Database.connect(database_url, max_size=1) for _ in range(3)]
        first, second, third = [
            await stack.enter_async_context(watching(each, AlertSettings(url=receiver.url), clock))
            for each in databases
        ]
        for watch in (first, second, third):
            await watch.check()
        await databases[0].close()
        async with asyncio.timeout(60):
            while await sql(database, "SELECT FROM pg_locks WHERE classid = $1 AND objid = 0", LEADING):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for watch in (second, third):
            await watch.check()
        for each in databases[1:]:
            await each.close()  # the second one dies with the database
        for _ in range(400 // 5):
            await third.check()
            clock.now += 5
        assert reported(receiver) == [("database_away", "standing")]


async def test_the_schema_of_another_build_is_reported_by_a_worker_that_sees_it(database_url: str) -> None:
    clock = Clock()
    async with AsyncExitStack() as stack:
        receiver, watches, databases = await open_two(stack, database_url, clock)
        for watch in watches:
            await watch.check()
        await sql(databases[0], "UPDATE schema_migration SET digest = sha256('another') WHERE version = 1")
        for _ in range(5):
            await watches[1].check()
            clock.now += 5
        await watches[0].check()
        assert reported(receiver) == [("schema_differs", "raised")]


async def test_an_alarm_that_no_worker_checks_any_more_ends(database: Database, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        receiver, (first, second), _ = await open_two(stack, database_url)
        await PostgresPauses(database).pause("crm", actor="ada", note="stop")
        await AuditSealer(database).seal()
        await first.check()
        await sql(database, "UPDATE alert SET seen_at = seen_at - interval '2 minutes'")
        await second.check()
        assert reported(receiver) == [("connection_paused.crm", state) for state in ("raised", "over")]


async def test_processes_share_how_far_the_chain_was_verified(database: Database) -> None:
    for number in range(4):
        async with database.transaction() as session:
            await audit.append(session, audit.Entry(type="key.created", subject=f"key_{number}", actor="ada"))
    assert await AuditSealer(database).seal() == 4
    first, second = (PostgresAuditTrail(database) for _ in range(2))
    starts = [(await trail.verify_next(2)).from_position for trail in (first, second, first)]
    assert starts == [1, 3, 1]
    await sql(database, "UPDATE audit_event SET actor = 'bob' WHERE subject = 'key_3'")
    broken = [(await trail.verify_next(2)).first_break for trail in (second, first)]
    assert broken[0] is not None
    assert broken[0] == broken[1]


@pytest.mark.parametrize(
    ("processes", "name", "says"),
    [
        ([("w1:7", "worker", "s", ["k1"], 90.0), ("w2:7", "worker", "s", ["k1"], 1.0)], "worker_gone.w1:7", "w1:7"),
        (
            [
                ("a1:7", "api", "s", ["k1"], 1.0),
                ("w1:7", "worker", "s", ["k1"], 1.0),
                ("w2:7", "worker", "t", ["k1"], 1.0),
            ],
            "settings_differ",
            "The settings of w2:7 differ from those of a1:7, w1:7.",
        ),
        (
            [("a1:7", "api", "s", ["k2", "k1"], 1.0), ("w1:7", "worker", "s", ["k1"], 1.0)],
            "encryption_keys_differ",
            "w1:7 lacks k2.",
        ),
    ],
)
async def test_processes_that_died_or_differ_are_named(
    database: Database, processes: list[tuple[object, ...]], name: str, says: str
) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        for process in processes:
            await sql(database, BEAT, *process)
        await watch.check()
        assert reported(receiver) == [(name, "raised")]
        assert says in json.loads(receiver.calls[0].body)["summary"]


async def test_a_worker_takes_the_place_of_one_that_died_and_leaves_none(database: Database, database_url: str) -> None:
    await sql(database, BEAT, "gone:7", "worker", "s", ["k1"], 3.0)
    listener = Listener(database_url)
    listening = asyncio.create_task(listener.listen(lambda: None))
    try:
        async with asyncio.timeout(60):
            await until(lambda: listener.shows_life)
            async with heartbeats.beating(database, "worker", listener.number, settings="s", keys=["k1"]):
                (row,) = await sql(database, "SELECT process, holder FROM heartbeat")
                assert row["holder"] == listener.number
                # Another one that starts does not take the place of a living one.
                await database.execute(heartbeats.REPLACE, "other:8", "worker")
                assert len(await sql(database, "SELECT FROM heartbeat")) == 1
        assert await sql(database, "SELECT FROM heartbeat") == []
    finally:
        listening.cancel()
