"""Extracts of the last-seen states: every page once, and nothing that commits late is missed."""

from datetime import UTC, datetime

import pytest

from app.events.store.extracts import SELECT, PostgresExtracts, StoredState
from app.events.store.record_states import PostgresRecordStates
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from tests.encryption import SEALER
from tests.plans import plan_of, scans_in
from tests.record_states import Record, store_state

NAMES = [(connection, f"{number}") for connection in ("crm", "shop") for number in range(1, 4)]
START = Statement("SELECT now", "SELECT now()")


@pytest.fixture
def extracts(database: Database) -> PostgresExtracts:
    return PostgresExtracts(database, SEALER)


async def store(database: Database, connection: str, remote_id: str) -> datetime:
    """Store a state, and return when it was seen."""
    states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
    record: Record = ("customer", connection, remote_id)
    async with database.transaction() as transaction:
        await store_state(states, transaction, record, b'{"notes":"x"}', read_at=datetime.now(UTC), instead_of=None)
        seen_at: datetime = await transaction.fetch_value(START)
    return seen_at


async def read(extracts: PostgresExtracts, connection: str | None = None, since: datetime | None = None,
               until: datetime | None = None) -> list[StoredState]:  # fmt: skip
    pages = extracts.pages("customer", connection=connection, since=since, until=until, limit=2)
    return [state async for page in pages for state in page]


async def test_pages_follow_each_other_by_connection_and_id(database: Database, extracts: PostgresExtracts) -> None:
    seen_at = {name: await store(database, *name) for name in reversed(NAMES)}
    assert [(one.connection, one.remote_id) for one in await read(extracts)] == NAMES
    assert [one.remote_id for one in await read(extracts, "crm")] == ["1", "2", "3"]
    middle = seen_at["crm", "3"]
    later, earlier = await read(extracts, since=middle), await read(extracts, until=middle)
    assert {one.connection for one in later} == {"crm"}
    assert len(later) == 3
    assert {one.connection for one in earlier} == {"shop"}
    assert len(earlier) == 3


def test_a_page_is_read_in_the_order_of_an_index(module_database_url: str) -> None:
    plan = plan_of(module_database_url, SELECT)
    assert "Sort" not in plan
    assert {table: bool(narrowed) for table, narrowed in scans_in(plan)} == {"record_state": True, "link": True}
    assert "remote_id = state.remote_id" in plan


async def test_a_state_that_commits_late_comes_after_the_horizon(
    database: Database, extracts: PostgresExtracts
) -> None:
    async with database.transaction() as transaction:
        began: datetime = await transaction.fetch_value(START)
        await store(database, "shop", "1")
        since = await extracts.horizon()
    assert since <= began
    assert [one.remote_id for one in await read(extracts, since=await extracts.horizon())] == []
