"""A caller that is cancelled while it reads in a batch ends at once, as with a read of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.events.store.record_states import PostgresRecordStates
from app.links.store import PostgresLinks
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.records.models import ReportedChange
from app.webhooks.store.receipts import PostgresReceipts
from app.writes.store.own_writes import PostgresOwnWrites
from tests.encryption import SEALER
from tests.queue.harness import until

Read = Callable[[Database], Awaitable[object]]

REPORTED = ReportedChange(connection="shop", object="customer", remote_id="1", received_at=datetime.now(UTC))


def states_on(database: Database) -> PostgresRecordStates:
    return PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))


READS: dict[str, Read] = {
    "inbound_event": lambda database: PostgresReceipts(database, SEALER).get("in_1"),
    "record_state": lambda database: states_on(database).get("customer", "shop", "1"),
    "operation": lambda database: PostgresOwnWrites(
        database, states_on(database).open, lease=timedelta(seconds=60)
    ).look(REPORTED),
    "link": lambda database: PostgresLinks(database).name("customer", "shop", ["1"]),
}
WAITING = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.parametrize("table", READS)
async def test_a_cancelled_read_does_not_wait_for_the_database(database: Database, table: str) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(Statement("LOCK", f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        reading = asyncio.ensure_future(READS[table](database))
        await until(lambda: database.fetch_value(WAITING))
        reading.cancel()
        await asyncio.wait({reading}, timeout=30)
        ended = reading.done()
    await asyncio.wait({reading})

    assert ended
    assert reading.cancelled()
