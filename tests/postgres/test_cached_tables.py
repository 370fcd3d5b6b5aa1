"""Cached tables: a change shows without a notification, one statement polls all, and none depends on another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.links.store import PostgresLinks
from app.links.tombstones import Tombstones
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.postgres.listen import Listener
from app.queue.pauses import PostgresPauses
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.vendors.store import BIND, PostgresBoundAccounts
from tests.closing import async_closing
from tests.encryption import SEALER
from tests.queue.harness import until

# As a restored or hand-edited database has it: no notification follows.
CHANGES = {
    "credential_version": "UPDATE credential_version SET state = 'revoked', payload = NULL",
    "connection_account": "INSERT INTO connection_account (connection, mark, value) VALUES ('shop', 'portal', '1')",
    "lane": """INSERT INTO lane (connection, blocked_reason, blocked_until, blocked_note, blocked_at)
               VALUES ('shop', 'operator', 'infinity', 'stop', now())""",
    "mapping_route": "INSERT INTO mapping_route (connection, mapping, active, changed_by) VALUES ('shop', 'm', 2, 'a')",
    "erasure": "INSERT INTO erasure (id, person, actor, correlation_id) VALUES ('era_1', '', 'ada', 'run-1')",
    "erased_key": "INSERT INTO erased_key (digest, erasure) VALUES (sha256('ada'), 'era_1')",
    "link": "UPDATE link SET changed = 1",
    "link_change": "UPDATE link_change SET number = 1",
}


class CountedDatabase(Database):
    """Notes the name of each statement that is not part of a transaction."""

    sent: list[str]

    async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
        self.sent.append(query.summary)
        return await super().fetch(query, *arguments)

    async def fetch_row(self, query: Statement, *arguments: Any) -> asyncpg.Record | None:
        self.sent.append(query.summary)
        return await super().fetch_row(query, *arguments)

    async def fetch_value(self, query: Statement, *arguments: Any) -> Any:
        self.sent.append(query.summary)
        return await super().fetch_value(query, *arguments)


class Process:
    """The cached tables of one process."""

    def __init__(self, database: Database) -> None:
        self.vault = Vault(PostgresCredentials(database, SEALER))
        self.bound = PostgresBoundAccounts(database)
        self.pauses = PostgresPauses(database)
        self.routes = PostgresMappingRoutes(database)
        self.erased = Tombstones(database, DigestSecret(database, SEALER))
        self.links = PostgresLinks(database)

    def changed(self) -> list[str]:
        """The tables whose change this process has noticed."""
        noticed = {
            "credential_version": self.vault.get("crm") is None,
            "connection_account": bool(self.bound.of("shop")),
            "lane": "shop" in self.pauses.known,
            "mapping_route": bool(self.routes.in_force),
            "erased_key": bool(self.erased.digests),
            "link": self.links.remembered("customer", "shop", "1") is None,
        }
        return [table for table, is_noticed in noticed.items() if is_noticed]


@asynccontextmanager
async def running(database: Database, database_url: str) -> AsyncIterator[Process]:
    """A process that knows a credential and a link."""
    await PostgresCredentials(database, SEALER).set("crm", b"secret")
    process = Process(database)
    async with CachedTables.open(database, Listener(database_url)) as tables:
        for table in (process.vault, process.bound, process.pauses, process.routes, process.erased, process.links):
            await tables.keep(table)
        await process.links.name("customer", "shop", ["1"])
        await until(lambda: process.links.remembered("customer", "shop", "1") is not None)
        yield process


async def change(database: Database, *tables: str) -> None:
    for table in tables:
        await database.execute(Statement(f"UPDATE {table}", CHANGES[table]))


async def test_a_change_of_any_table_is_noticed_without_a_notification(database: Database, database_url: str) -> None:
    async with running(database, database_url) as process:
        await change(database, *CHANGES)
        await until(lambda: len(process.changed()) == 6)


async def test_one_statement_polls_all_tables(database_url: str) -> None:
    database = await CountedDatabase.connect(database_url, acquire_timeout=60.0)
    database.sent = []
    try:
        async with running(database, database_url):
            await until(lambda: database.sent[-3:] == ["SELECT cached_table"] * 3)
    finally:
        await database.close()


async def test_a_table_that_cannot_be_read_leaves_the_others(database: Database, database_url: str) -> None:
    async with running(database, database_url) as process:
        await database.execute(Statement("ALTER mapping_route", "ALTER TABLE mapping_route RENAME TO away"))
        await change(database, "credential_version", "lane", "erasure", "erased_key")
        await until(lambda: process.changed() == ["credential_version", "lane", "erased_key"])
        await database.execute(Statement("ALTER mapping_route", "ALTER TABLE away RENAME TO mapping_route"))
        await change(database, "mapping_route")
        await until(lambda: "mapping_route" in process.changed())


async def test_a_locked_table_leaves_the_others(database: Database, database_url: str) -> None:
    async with running(database, database_url) as process:
        async with database.transaction() as transaction:
            await transaction.execute(Statement("LOCK mapping_route", "LOCK TABLE mapping_route"))
            await change(database, "credential_version", "lane")
            await until(lambda: process.changed() == ["credential_version", "lane"])
        await change(database, "mapping_route")
        await until(lambda: "mapping_route" in process.changed())


async def test_an_older_read_never_replaces_a_newer_one(database_url: str) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()

    class Delayed(Database):
        async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
            rows = await super().fetch(query, *arguments)
            if not read.is_set():
                read.set()
                await go_on.wait()
            return rows

    async with async_closing(Delayed.connect(database_url, acquire_timeout=60.0)) as database:
        bound = PostgresBoundAccounts(database)
        older = asyncio.create_task(bound.refresh())
        await read.wait()
        await database.execute(BIND, "shop", ["portal"], ["1"])
        newer = asyncio.create_task(bound.refresh())
        await asyncio.wait({newer}, timeout=0.1)
        go_on.set()
        await asyncio.gather(older, newer)
        assert bound.of("shop") == {"portal": "1"}
