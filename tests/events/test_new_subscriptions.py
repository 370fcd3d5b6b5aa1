"""A subscription that is created while Events are appended holds nothing up for long."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from msgspec.structs import replace

from app.errors import StoreUnavailable
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.subscription_statements import BEHIND_APPENDS
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database, Statement
from app.queue import order_keys
from tests.encryption import SEALER
from tests.events.numbered_events import EVERYTHING, all_of, changed
from tests.queue.harness import until

WAITING = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
DAMAGE = Statement("UPDATE subscription", "UPDATE subscription SET target_url = 'damaged'")
RECORD = [("shop", "customer:1051")]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """One that notices a deadlock late."""
    owner = await asyncpg.connect(database_url)
    name = await owner.fetchval("SELECT quote_ident(current_database())")
    await owner.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '60s'")
    await owner.close()
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def test_an_equal_subscription_is_found_without_opening_the_others(database: Database) -> None:
    subscriptions = PostgresSubscriptions(database, SEALER)
    await subscriptions.create(EVERYTHING)
    await database.execute(DAMAGE)
    other = replace(EVERYTHING, id="sub_2", target_url="https://example.com/2")
    assert (await subscriptions.create(other)).id == "sub_2"
    assert (await subscriptions.create(replace(other, id="sub_3", events=("*", "*")))).id == "sub_2"


async def test_a_subscription_that_waits_in_vain_names_no_table(database: Database) -> None:
    async with database.transaction() as appends:
        await appends.execute(BEHIND_APPENDS)
        with pytest.raises(StoreUnavailable) as raised:
            await database.execute(BEHIND_APPENDS)
    assert raised.value.detail == "A transaction that stays open holds a lock."


async def test_a_new_subscription_lets_appends_pass_that_wait_for_each_other(database: Database) -> None:
    """One transaction appends and then locks a record, another one the reverse. The subscription comes between."""
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    subscriptions = PostgresSubscriptions(database, SEALER)
    appended, queued = asyncio.Event(), asyncio.Event()

    async def append_then_lock() -> None:
        async with database.transaction() as transaction:
            await events.append(transaction, changed(1))
            appended.set()
            await queued.wait()
            await order_keys.lock(transaction, RECORD)

    async def lock_then_append() -> None:
        async with database.transaction() as transaction:
            await order_keys.lock(transaction, RECORD)
            await queued.wait()
            await events.append(transaction, changed(2))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(append_then_lock())
        tasks.create_task(lock_then_append())
        await appended.wait()
        tasks.create_task(subscriptions.create(EVERYTHING))
        await until(lambda: database.fetch_value(WAITING))
        began = time.monotonic()
        queued.set()

    assert time.monotonic() - began < 30.0
    assert len(await all_of(events)) == 2
