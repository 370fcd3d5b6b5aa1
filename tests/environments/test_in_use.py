"""No process starts on a database while its environment changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from app.environments.adopt import adopt
from app.environments.rename import rename
from app.errors import Complaint
from app.postgres.database import Database, Statement
from app.postgres.environment_stamp import LOCK, WAIT, WrongEnvironment, claim


async def adopting(database: Database) -> None:
    await adopt(database, "staging", actor="ada")


async def renaming(database: Database) -> None:
    await rename(database, "prod", "staging", actor="ada")


@pytest.mark.parametrize("change", [adopting, renaming])
async def test_a_process_that_starts_meanwhile_waits_and_is_refused(
    database_url: str, change: Callable[[Database], Awaitable[None]]
) -> None:
    holder = await asyncpg.connect(database_url)
    await holder.execute("INSERT INTO environment (name) VALUES ('prod')")
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE audit_event")

    changer = await Database.connect(database_url, max_size=1)
    changing = asyncio.ensure_future(change(changer))
    await waiting(holder, 1, changing)
    starter = await Database.connect(database_url, max_size=1)
    starting = asyncio.ensure_future(claim(starter, "prod"))
    await waiting(holder, 2, starting)

    await transaction.rollback()
    await changing
    with pytest.raises(WrongEnvironment, match="belongs to the environment staging"):
        await starting
    for opened in (holder, changer, starter):
        await opened.close()


async def test_an_adopted_copy_forgets_what_was_seen_at_the_accounts_of_the_other_environment(
    database: Database,
) -> None:
    noted = {
        "account_fact": "SELECT 'crm', sha256(''), ''::bytea, now()",
        "connection_observation": "SELECT 'other', 'crm', 'failing', NULL, now(), now() + interval '1 hour'",
        "webhook_standing": "SELECT 'crm', NULL, 'mismatch', 1, now(), now()",
    }
    await database.execute(Statement("INSERT environment", "INSERT INTO environment (name) VALUES ('prod')"))
    for table, row in noted.items():
        await database.execute(Statement(f"INSERT {table}", f"INSERT INTO {table} {row}"))
    await adopting(database)
    for table in noted:
        assert await database.fetch_value(Statement(f"SELECT {table}", f"TABLE {table}")) is None, table


async def test_an_adopted_copy_ends_backfills_and_walks(database: Database) -> None:
    await database.execute(Statement("INSERT environment", "INSERT INTO environment (name) VALUES ('prod')"))
    backfill = "INSERT INTO backfill (id, connection, object, is_dry_run, actor, correlation_id)"
    await database.execute(
        Statement("INSERT backfill", f"{backfill} VALUES ('bf_1', 'crm', 'customer', false, 'ada', 'run-1')")
    )
    walk = "INSERT INTO walk (id, connection, object, purpose, is_baseline, page_size, correlation_id)"
    await database.execute(
        Statement("INSERT walk", f"{walk} VALUES ('bf_1', 'crm', 'customer', 'backfill', true, 100, 'run-1')")
    )

    await adopting(database)

    assert await database.fetch_value(Statement("SELECT backfill", "SELECT state FROM backfill")) == "cancelled"
    assert await database.fetch_value(Statement("SELECT walk", "SELECT id FROM walk")) is None


async def test_an_adopted_copy_pauses_its_connections_and_no_lane_of_callbacks(database: Database) -> None:
    await database.execute(Statement("INSERT environment", "INSERT INTO environment (name) VALUES ('prod')"))
    lanes = "INSERT INTO lane (connection) VALUES ('-'), ('callbacks-7'), ('sub_1'), ('crm'), ('sub-accounts')"
    await database.execute(Statement("INSERT lane", lanes))

    await adopting(database)

    left = await database.fetch(Statement("SELECT lane", "SELECT connection, blocked_until FROM lane ORDER BY 1"))
    assert [row["connection"] for row in left] == ["crm", "sub-accounts"]
    assert all(row["blocked_until"] for row in left)


async def test_a_process_that_waits_for_too_long_says_for_what(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = Statement(WAIT.summary, WAIT.sql.replace("'20s'", "'100ms'"))
    monkeypatch.setattr("app.postgres.environment_stamp.WAIT", hasty)
    holder = await Database.connect(database_url, max_size=1)
    starter = await Database.connect(database_url, max_size=1)
    async with holder.transaction() as changing:
        await changing.execute(LOCK)
        with pytest.raises(Complaint, match="Another process adopts or renames the database"):
            await claim(starter, "prod")
    assert await claim(starter, "prod") == ()
    for opened in (holder, starter):
        await opened.close()


async def waiting(holder: "asyncpg.Connection[asyncpg.Record]", sessions: int, last: "asyncio.Future[Any]") -> None:
    """Return when so many sessions wait for a lock, or the last of them is done."""
    while not last.done():
        if await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == sessions:
            return
        await asyncio.sleep(0.01)
