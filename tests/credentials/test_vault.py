"""The vault: versions of a credential, the cache of each process, and the lease of one refresher."""

import asyncio
from asyncio import Task
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.credentials.models import Credential, CredentialError, RefreshLease, VersionMoved
from app.credentials.store import MOST_LEASES, PostgresCredentials
from app.credentials.vault import Vault
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database, Statement
from app.postgres.encryption import Sealer
from app.postgres.listen import Listener
from tests.required import required

KEYS = Sealer((("k1", bytes(range(32))),))
DAY = timedelta(hours=24)
CANARY = b"canary-5f0c1d"


@pytest.fixture
def store(database: Database) -> PostgresCredentials:
    return PostgresCredentials(database, KEYS, actor="cli:hypatia")


async def the(store: PostgresCredentials, name: str = "crm_token") -> Credential:
    return (await store.read())[name]


async def values(store: PostgresCredentials) -> dict[str, bytes]:
    return {version.state: version.payload for version in (await the(store)).live}


async def leased(store: PostgresCredentials, seconds: float = 30.0) -> RefreshLease:
    return required(await store.lease("crm_token", seconds=seconds))


@asynccontextmanager
async def process(database: Database, url: str) -> AsyncIterator[Vault]:
    """The vault of one more process."""
    vault = Vault(PostgresCredentials(database, KEYS))
    async with CachedTables.open(database, Listener(url)) as tables:
        await tables.keep(vault)
        yield vault


async def test_a_first_value_is_current_and_a_second_one_waits(store: PostgresCredentials) -> None:
    assert await store.set("crm_token", b"one") == (1, "current")
    assert await store.set("crm_token", b"two") == (2, "next")
    assert await store.set("crm_token", b"three") == (3, "next")
    assert await values(store) == {"current": b"one", "next": b"three"}


async def test_promote_keeps_the_old_value_as_previous(store: PostgresCredentials) -> None:
    await store.set("crm_token", b"one")
    await store.set("crm_token", b"two")
    await store.promote("crm_token", 2, overlap=DAY)
    assert await values(store) == {"current": b"two", "previous": b"one"}
    previous = required((await the(store)).previous)
    assert previous.accepted_until is not None
    assert timedelta(hours=23) < previous.accepted_until - datetime.now(UTC) <= DAY


async def test_only_the_value_that_was_tried_is_promoted(store: PostgresCredentials) -> None:
    await store.set("crm_token", b"one")
    await store.set("crm_token", b"two")
    await store.set("crm_token", b"never tried")
    with pytest.raises(VersionMoved):
        await store.promote("crm_token", 2, overlap=DAY)
    assert (await values(store))["current"] == b"one"


async def test_rollback_restores_the_previous_value(store: PostgresCredentials) -> None:
    await store.set("crm_token", b"one")
    with pytest.raises(CredentialError, match="no previous version"):
        await store.rollback("crm_token")
    await store.set("crm_token", b"two")
    await store.promote("crm_token", 2, overlap=DAY)
    assert await store.rollback("crm_token") == (1, 2)
    assert await values(store) == {"current": b"one", "next": b"two"}


async def test_a_revoked_value_is_forgotten(store: PostgresCredentials, database: Database) -> None:
    await store.set("crm_token", CANARY)
    await store.revoke("crm_token")
    assert await store.read() == {}
    kept = await database.fetch_value(
        Statement("SELECT credential_version", "SELECT payload FROM credential_version WHERE version = 1")
    )
    assert kept is None
    assert await store.set("crm_token", b"two") == (2, "current")


async def test_no_value_is_shown_by_repr_or_kept_in_plain(store: PostgresCredentials, database: Database) -> None:
    await store.set("crm_token", CANARY)
    assert CANARY.decode() not in repr(await the(store))
    for table in ("credential", "credential_version", "audit_event"):
        rows = await database.fetch(Statement(f"SELECT {table}", f"SELECT {table}::text AS text FROM {table}"))  # noqa: S608
        assert rows
        for row in rows:
            assert CANARY.decode() not in row["text"]
            assert CANARY.hex() not in row["text"]


async def test_a_value_cannot_be_moved_to_another_version(store: PostgresCredentials, database: Database) -> None:
    await store.set("crm_token", b"one")
    await store.set("crm_token", b"two")
    moved = "UPDATE credential_version SET payload = (SELECT payload FROM credential_version WHERE version = 2)"
    await database.execute(Statement("UPDATE credential_version", moved))
    assert (await the(store)).current is None


async def test_every_change_is_audited(store: PostgresCredentials, database: Database) -> None:
    await store.set("crm_token", b"one")
    await store.set("crm_token", b"two")
    await store.promote("crm_token", 2, overlap=DAY)
    await store.rollback("crm_token")
    await store.revoke("crm_token", 2)
    await store.replace("crm_token", b"three", kind="secret")
    audited = await database.fetch(Statement("SELECT audit_event", "SELECT type, actor FROM audit_event ORDER BY id"))
    assert [row["type"].removeprefix("credential.") for row in audited] == [
        *("stored", "stored", "promoted", "rolled_back", "revoked"),
        *("revoked", "refreshed"),
    ]
    assert {row["actor"] for row in audited} == {"cli:hypatia"}


async def test_two_processes_see_a_change_within_five_seconds(
    store: PostgresCredentials, database: Database, database_url: str
) -> None:
    await store.set("crm_token", b"one")
    async with process(database, database_url) as first, process(database, database_url) as second:
        revisions = [vault.revision for vault in (first, second)]
        await store.set("crm_token", b"two")
        await store.promote("crm_token", 2, overlap=DAY)
        for vault in (first, second):
            newer = required(await vault.newer("crm_token", 1, seconds=5))
            assert newer.payload == b"two"
        assert [first.revision, second.revision] > revisions


async def test_a_process_without_the_new_encryption_key_keeps_what_it_knows(
    store: PostgresCredentials, database: Database
) -> None:
    await store.set("crm_token", b"one")
    old = Vault(store)
    await old.refresh()
    again = Sealer((("k2", bytes(32)),)).seal(b"one", "credential crm_token 1")
    await database.execute(Statement("UPDATE credential_version", "UPDATE credential_version SET payload = $1"), again)
    await old.refresh()
    current = required(old.current("crm_token"))
    assert current.payload == b"one"


async def test_one_refresher_holds_the_lease(store: PostgresCredentials) -> None:
    await store.replace("crm_token", b"one", kind="oauth")
    taken = await asyncio.gather(*(store.lease("crm_token", seconds=30) for _ in range(8)))
    (lease,) = (each for each in taken if each is not None)
    number = await store.replace("crm_token", b"two", kind="oauth", lease=lease, keep_previous=True)
    assert number == 2
    assert await values(store) == {"current": b"two", "previous": b"one"}
    again = await leased(store)
    assert again.version == 2
    await store.release(again)
    assert await leased(store)


async def test_a_refresher_that_lost_its_lease_writes_nothing(store: PostgresCredentials) -> None:
    await store.replace("crm_token", b"one", kind="oauth")
    slow = await leased(store, seconds=0.0)
    other = await leased(store)
    with pytest.raises(VersionMoved):
        await store.mark_sent(slow)
    with pytest.raises(VersionMoved):
        await store.replace("crm_token", b"two", kind="oauth", lease=slow)
    await store.mark_sent(other)
    assert (await the(store)).sent_version == 1
    await store.replace("crm_token", b"three", kind="oauth", lease=other)
    assert (await the(store)).sent_version is None
    assert (await values(store)) == {"current": b"three"}


async def test_a_refusal_is_recorded_once_and_only_for_the_current_version(store: PostgresCredentials) -> None:
    await store.replace("crm_token", b"one", kind="oauth")
    assert not await store.refuse("crm_token", 7, "invalid_grant")
    assert await store.refuse("crm_token", 1, "invalid_grant")
    assert not await store.refuse("crm_token", 1, "invalid_grant")
    assert (await the(store)).refused_why == "invalid_grant"
    await store.replace("crm_token", b"two", kind="oauth", cause="credential.authorized")
    assert (await the(store)).refused_at is None


async def test_another_kind_is_refused(store: PostgresCredentials) -> None:
    await store.set("crm_token", b"one")
    with pytest.raises(CredentialError, match="of kind secret"):
        await store.replace("crm_token", b"two", kind="oauth")


WAITING = Statement(
    "SELECT pg_stat_activity",
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
)
HOLD = Statement("SELECT credential", "SELECT FROM credential WHERE name = 'crm_token' FOR UPDATE")


@asynccontextmanager
async def in_line(database: Database) -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], Awaitable[Task[Any]]]]:
    """Changes of the credential that begin in this order, each while those before it are not committed."""
    tasks: list[Task[Any]] = []

    async def begin(change: Coroutine[Any, Any, Any]) -> Task[Any]:
        tasks.append(asyncio.create_task(change))
        async with asyncio.timeout(20):
            while await database.fetch_value(WAITING) < len(tasks):  # noqa: ASYNC110 - PostgreSQL notifies nobody
                await asyncio.sleep(0.01)
        return tasks[-1]

    async with database.transaction() as session:
        await session.fetch_row(HOLD)
        yield begin
    await asyncio.wait(tasks)


async def test_a_value_replaced_during_a_promotion_is_not_promoted(
    store: PostgresCredentials, database: Database
) -> None:
    await store.set("crm_token", b"one")
    await store.set("crm_token", b"two")
    async with in_line(database) as begin:
        await begin(store.set("crm_token", b"never tried"))
        promotion = await begin(store.promote("crm_token", 2, overlap=DAY))
    with pytest.raises(VersionMoved):
        await promotion
    assert await values(store) == {"current": b"one", "next": b"never tried"}


async def test_changes_at_the_same_time_follow_each_other(store: PostgresCredentials, database: Database) -> None:
    await store.replace("crm_token", b"one", kind="oauth")
    async with in_line(database) as begin:
        first = await begin(store.replace("crm_token", b"two", kind="oauth", keep_previous=True))
        second = await begin(store.replace("crm_token", b"three", kind="oauth", keep_previous=True))
    assert (await first, await second) == (2, 3)
    assert await values(store) == {"current": b"three", "previous": b"two"}


async def test_a_lease_that_waited_for_a_new_version_is_for_it(store: PostgresCredentials, database: Database) -> None:
    await store.replace("crm_token", b"one", kind="oauth")
    async with in_line(database) as begin:
        await begin(store.replace("crm_token", b"two", kind="oauth"))
        leasing = await begin(store.lease("crm_token", seconds=30))
    lease = required(await leasing)
    assert lease.version == 2
    await store.mark_sent(lease)


async def test_leases_of_many_connections_at_once_leave_the_pool_to_others(database_url: str) -> None:
    database = await Database.connect(database_url, max_size=MOST_LEASES + 1, acquire_timeout=30.0)
    store = PostgresCredentials(database, KEYS)

    async def renew(number: int) -> bool:
        async with store.leased(f"shop{number}.tokens", seconds=30.0) as lease:
            return lease is None

    assert all(await asyncio.gather(*(renew(number) for number in range(3 * MOST_LEASES))))
    await database.close()
