"""Arrivals: a receipt, its job and what is audited of them come together, in one statement, or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.listen import CHANNEL
from app.vendors.refused_webhooks import WebhookStates
from app.webhooks.models import Arrival, NewReceipt
from app.webhooks.store.receipts import PostgresArrivals
from tests.closing import async_closing
from tests.encryption import SEALER

WAITING = 100_000
JOBS = Statement(
    "SELECT job", "SELECT id, order_key, state, origin, dedupe_key, correlation_id, traceparent FROM job ORDER BY id"
)
AUDITED = Statement("SELECT audit_event", "SELECT type, subject FROM audit_event ORDER BY id")
TAKE_JOBS = Statement("DELETE job", "DELETE FROM job")
BLOCK = Statement(
    "INSERT dead_letter",
    """
    INSERT INTO dead_letter (id, job_id, kind, connection, order_key, attempts, dead_head, payload, correlation_id,
                             enqueued_at, category, reason)
    VALUES ('dl_1', 1, 'ingest', 'shop', $1, 1, 'block', '', 'run', now(), 'permanent', 'no')
    """,
)
BURY_LATER = Statement(
    "INSERT dead_letter",
    """
    INSERT INTO dead_letter (id, job_id, kind, connection, order_key, attempts, dead_head, payload, correlation_id,
                             enqueued_at, category, reason)
    VALUES ('dl_1', setval('job_id_seq', 500), 'ingest', 'shop', $1, 1, 'skip', '', 'run', now(), 'permanent', 'no')
    """,
)
LAST_NUMBER = Statement("SELECT job", "SELECT max(id) FROM job WHERE order_key = 'order:7'")
GO_BACK = Statement("ALTER SEQUENCE", "WITH gone AS (DELETE FROM job) SELECT setval('job_id_seq', 1, false)")
CUT = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'lockstitch'
    """,
)
FILL = Statement(
    "INSERT inbound_event",
    """
    WITH received AS (
        INSERT INTO inbound_event (id, connection, dedupe_key, payload, digest, correlation_id)
        SELECT 'in_' || number, 'shop', 'crowd-' || number, '', sha256(''), 'run'
          FROM generate_series(1, $1) AS number
    )
    INSERT INTO job (kind, connection, order_key, dedupe_key, state, max_attempts, dead_head, payload, correlation_id)
    SELECT 'ingest', 'shop', 'crowd-' || number, 'in_' || number, 'ready', 8, 'skip', '', 'run'
      FROM generate_series(1, $1) AS number
    """,
)
FLUSH = Statement("SELECT pg_stat", "SELECT pg_stat_force_next_flush()")
ROWS_READ = Statement(
    "SELECT pg_stat_user_tables",
    """
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
      FROM pg_stat_user_tables
     WHERE relname IN ('inbound_event', 'job', 'dead_letter')
    """,
)


@asynccontextmanager
async def opened(url: str, *, max_size: int = 4) -> AsyncIterator[tuple[Database, PostgresArrivals]]:
    async with async_closing(Database.connect(url, max_size=max_size, acquire_timeout=60.0)) as database:
        yield database, PostgresArrivals(database, SEALER, {})


def arrival(key: str, order_key: str | None = None) -> Arrival:
    return Arrival(
        receipt=NewReceipt(
            connection="shop",
            dedupe_key=key,
            topic=None,
            remote_object=None,
            remote_id=None,
            occurred_at=None,
            payload=b"{}",
            digest=hashlib.sha256(b"{}").digest(),
            correlation_id=f"run-{key}",
        ),
        order_key=order_key,
        traceparent=f"00-{1:032x}-{2:016x}-00",
    )


@pytest.mark.parametrize("order_key", [None, "order:7"], ids=["no order", "in order"])
async def test_what_is_new_makes_one_job_and_two_lines_of_the_trail(database_url: str, order_key: str | None) -> None:
    async with opened(database_url) as (database, arrivals), arrivals.recording() as record:
        assert await record([arrival("a", order_key), arrival("a", order_key)]) == [True, False]
        assert await record([arrival("a", order_key), arrival("b", order_key)]) == [False, True]
        jobs = await database.fetch(JOBS)
        audited = [(row["type"], row["subject"]) for row in await database.fetch(AUDITED)]

    assert [job["correlation_id"] for job in jobs] == ["run-a", "run-b"]
    assert [job["state"] for job in jobs] == ["ready", "behind" if order_key else "ready"]
    assert {job["traceparent"] for job in jobs} == {f"00-{1:032x}-{2:016x}-00"}
    assert all(job["origin"] == job["dedupe_key"] for job in jobs)
    assert audited == [
        line for job in jobs for line in (("receipt.received", job["origin"]), ("job.queued", f"job_{job['id']}"))
    ]


async def test_a_copy_takes_no_place_in_its_order(database_url: str) -> None:
    async with opened(database_url) as (database, arrivals), arrivals.recording() as record:
        await record([arrival("done", "order:7")])
        await database.execute(TAKE_JOBS)
        assert await record([arrival("done", "order:7"), arrival("new", "order:7"), arrival("next", "order:7")]) == [
            False,
            True,
            True,
        ]
        jobs = await database.fetch(JOBS)

    assert [(job["correlation_id"], job["state"]) for job in jobs] == [("run-new", "ready"), ("run-next", "behind")]


async def test_a_key_that_waits_for_a_person_goes_on_waiting(database_url: str) -> None:
    async with opened(database_url) as (database, arrivals), arrivals.recording() as record:
        await database.execute(BLOCK, "order:7")
        await record([arrival("a", "order:7"), arrival("b", "order:8")])
        jobs = await database.fetch(JOBS)

    assert [(job["order_key"], job["state"]) for job in jobs] == [("order:7", "behind"), ("order:8", "ready")]


async def test_of_one_key_at_the_same_time_one_is_the_head(database_url: str) -> None:
    async with opened(database_url, max_size=8) as (database, arrivals):

        async def one(number: int) -> None:
            async with arrivals.recording() as record:
                assert await record([arrival(f"key-{number}", "order:7")]) == [True]

        await asyncio.gather(*(one(number) for number in range(40)))
        jobs = await database.fetch(JOBS)

    assert [job["state"] for job in jobs] == ["ready"] + ["behind"] * 39


async def test_numbers_drawn_beforehand_keep_the_order_of_two_processes(database_url: str) -> None:
    async with (
        opened(database_url) as (database, one),
        opened(database_url) as (_, other),
        one.recording() as first,
        other.recording() as second,
    ):
        await first([arrival("0", "order:0")])
        await second([arrival("1", "order:1")])
        for number in range(2, 10):
            assert await (first, second)[number % 2]([arrival(str(number), "order:7")]) == [True]
        jobs = [job for job in await database.fetch(JOBS) if job["order_key"] == "order:7"]

    assert [job["correlation_id"] for job in jobs] == [f"run-{number}" for number in range(2, 10)]
    assert [job["state"] for job in jobs] == ["ready"] + ["behind"] * 7


async def test_a_number_drawn_before_that_of_a_dead_letter_is_not_used(database_url: str) -> None:
    async with opened(database_url) as (database, arrivals), arrivals.recording() as record:
        await record([arrival("a", "order:8")])
        await database.execute(BURY_LATER, "order:7")
        assert await record([arrival("b", "order:7")]) == [True]
        later = await database.fetch_value(LAST_NUMBER)

    assert later > 500


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_a_database_that_isolates_more_by_itself_changes_nothing(database_url: str, level: str) -> None:
    """With a snapshot from before the lock the older job of a key would not be seen, nor would a receipt be a copy."""
    name = urlsplit(database_url).path.removeprefix("/")
    owner = await asyncpg.connect(database_url)
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    await owner.close()
    async with opened(database_url, max_size=8) as (database, arrivals):

        async def one(key: str, order_key: str | None) -> bool:
            async with arrivals.recording() as record:
                return (await record([arrival(key, order_key)]))[0]

        assert all(await asyncio.gather(*(one(f"key-{number}", "order:7") for number in range(40))))
        assert sum(await asyncio.gather(*(one("copy", None) for _ in range(100)))) == 1
        jobs = await database.fetch(JOBS)

    assert [job["state"] for job in jobs if job["order_key"]] == ["ready"] + ["behind"] * 39


@pytest.mark.parametrize("order_key", [None, "order:7"], ids=["no order", "in order"])
async def test_sleepers_are_woken(database_url: str, order_key: str | None) -> None:
    woken = asyncio.Event()
    async with async_closing(asyncpg.connect(database_url)) as sleeper:
        await sleeper.add_listener(CHANNEL, lambda *_: woken.set())
        async with opened(database_url) as (_, arrivals), arrivals.recording() as record:
            await record([arrival("a", order_key)])
            async with asyncio.timeout(30):
                await woken.wait()


@pytest.mark.parametrize("order_key", [None, "order:7"], ids=["no order", "in order"])
async def test_after_a_lost_connection_it_takes_another(database_url: str, order_key: str | None) -> None:
    async with (
        opened(database_url) as (_, arrivals),
        opened(database_url) as (killer, _other),
        arrivals.recording() as record,
    ):
        await record([arrival("a", order_key)])
        await killer.fetch(CUT)
        with pytest.raises(StoreUnavailable):
            await record([arrival("b", order_key)])
        assert await record([arrival("b", order_key)]) == [True]


async def test_numbers_from_before_a_restore_are_forgotten(database_url: str) -> None:
    """A database that has gone back deals them out to another process. It is known by its connections: they are new."""
    async with opened(database_url) as (database, running), opened(database_url) as (_, started):
        await _record_one(running, "lost")
        await database.execute(GO_BACK)
        async with database.acquire(), database.acquire():
            pass
        for turn in range(3):
            await _record_one(running, f"running-{turn}")
            await _record_one(started, f"started-{turn}")

        assert len(await database.fetch(JOBS)) == 6


async def test_a_number_that_was_dealt_out_again_is_no_fault_of_the_webhook(database_url: str) -> None:
    """Behind a pooler connections tell nothing."""
    async with opened(database_url) as (database, running), opened(database_url) as (_, started):
        await _record_one(running, "lost")
        await database.execute(GO_BACK)
        for turn in range(3):
            await _record_one(started, f"started-{turn}")

        with pytest.raises(StoreUnavailable):
            await _record_one(running, "running")
        await _record_one(running, "running")


async def test_its_plan_reads_no_table_whole(database_url: str) -> None:
    """One that was made while the tables were empty is kept while they fill."""
    async with opened(database_url, max_size=1) as (database, arrivals):

        async def live(turn: int) -> None:
            async with arrivals.recording() as record:
                await record([arrival(f"{turn}-{number}") for number in range(4)])
                await record([arrival(f"{turn}-{number}", f"order:{number}") for number in range(2, 8)])

        for turn in range(8):
            await live(turn)
        await database.execute(FILL, WAITING)
        before = await _rows_read(database)
        for turn in range(8, 13):
            await live(turn)
        after = await _rows_read(database)

    assert after - before < 5 * 200


async def _record_one(arrivals: PostgresArrivals, key: str) -> None:
    async with arrivals.recording() as record:
        assert await record([arrival(key)]) == [True]


async def _rows_read(database: Database) -> int:
    await database.execute(FLUSH)
    return int(await database.fetch_value(ROWS_READ))


async def test_webhooks_without_a_valid_secret_name_the_command_that_finds_it(database: Database) -> None:
    states = WebhookStates(database)
    states.note_refused("crm", "no-secret")
    assert (await states.read())["crm"].next_step.startswith("lockstitch doctor names the missing secret.")
