"""Several hosts of a database: the primary is reached whatever the others do."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.postgres.connect import Connector, Host, hosts_of
from app.postgres.database import Database, Statement
from app.postgres.embedded import EmbeddedPostgres
from tests.closing import async_closing
from tests.commands import lockstitch
from tests.encryption import ENCRYPTION_KEYS
from tests.open_folder import open_folder
from tests.ports import free_port
from tests.postgres.relay import over_tcp
from tests.queue.harness import until

ONE = Statement("SELECT one", "SELECT 1")
WRITE = Statement("CREATE TABLE", "CREATE TABLE IF NOT EXISTS written (id int)")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u@one/db", ()),
        ("postgresql://u@/db?host=/run/postgresql", ()),
        ("postgresql://u@/db?host=/run/one,/run/two", ()),
        ("postgresql:///db", ()),
        ("postgresql://u:p@one:1,two:2/db", (Host("one", 1), Host("two", 2))),
        ("postgresql://one:,two/db?port=7", (Host("one", 7), Host("two", 7))),
        ("postgresql://u@one:,two:2/db", (Host("one", 5432), Host("two", 2))),
        ("postgresql://u@[::1]:1,[fe80::2]/db", (Host("::1", 1), Host("fe80::2", 5432))),
        ("postgresql://u@/db?host=a,b&port=1,2", (Host("a", 1), Host("b", 2))),
        ("postgresql://u@/db?host=a,b", (Host("a", 5432), Host("b", 5432))),
    ],
)
def test_hosts_of_a_url(url: str, hosts: tuple[Host, ...]) -> None:
    assert hosts_of(url) == hosts


@asynccontextmanager
async def silent_host() -> AsyncIterator[int]:
    """A port that accepts connections and never answers."""
    release = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        release.set()
        server.close()


def several(url: str, *ports: int) -> str:
    """Return the URL of the database of `url` at these ports."""
    netloc = "lockstitch@" + ",".join(f"127.0.0.1:{port}" for port in ports)
    return urlsplit(url)._replace(netloc=netloc, query="").geturl()


async def test_a_silent_host_hides_none_behind_it(empty_database_url: str) -> None:
    async with silent_host() as silent, over_tcp(empty_database_url) as port:
        connect = Connector(several(empty_database_url, silent, port))
        took = list[float]()
        for _ in range(2):
            began = time.monotonic()
            connection = await connect(timeout=30.0)
            took.append(time.monotonic() - began)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
    assert took[0] < 10
    assert took[1] < took[0]  # the last good host is tried first


async def test_the_last_good_host_takes_the_place_of_one_that_falls_silent(empty_database_url: str) -> None:
    async with silent_host() as silent, over_tcp(empty_database_url) as port:
        database = await Database.connect(several(empty_database_url, free_port(), silent, port), max_size=4)
        assert await asyncio.gather(*(database.fetch_value(ONE) for _ in range(4))) == [1] * 4
        await database.close()


@pytest.mark.parametrize("in_transaction", [False, True])
async def test_a_statement_ends_in_time_on_a_server_that_falls_silent(
    empty_database_url: str, *, in_transaction: bool
) -> None:
    silent = asyncio.Event()
    async with over_tcp(empty_database_url, silent) as port:
        url = urlsplit(empty_database_url)._replace(netloc=f"lockstitch@127.0.0.1:{port}", query="").geturl()
        database = await Database.connect(url, connect_timeout=30.0, command_timeout=5.0)
        assert await database.fetch_value(ONE) == 1
        began = time.monotonic()

        async def fall_silent() -> None:
            async with database.transaction() if in_transaction else database.acquire() as session:
                silent.set()
                await session.fetch_value(ONE)

        with pytest.raises(StoreUnavailable):
            await fall_silent()
        assert time.monotonic() - began < 9
        await database.close()


async def test_a_command_ends_when_the_database_falls_silent(database_url: str) -> None:
    """A statement of these may take an hour, as one that waits for a lock does here."""
    await asyncio.gather(
        _fall_silent(database_url, "secrets rotate-key", "credential_version"),
        _fall_silent(database_url, "migrate --wait 0", "schema_migration"),
    )


async def test_a_command_ends_when_its_host_falls_silent_and_another_answers(database_url: str) -> None:
    await asyncio.gather(
        _fall_silent(database_url, "secrets rotate-key", "credential_version", other=free_port()),
        _fall_silent(database_url, "migrate --wait 0", "schema_migration", other=free_port()),
    )


async def _fall_silent(url: str, command: str, table: str, other: int | None = None) -> None:
    """Cut off the host of a command that waits for a lock on the table. The `other` host is up from then on."""
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass"
    silent, ports = asyncio.Event(), () if other is None else (other,)
    async with AsyncExitStack() as stack:
        holder = await stack.enter_async_context(async_closing(asyncpg.connect(url)))
        port = await stack.enter_async_context(over_tcp(url, silent))
        await holder.execute(f"BEGIN; LOCK TABLE {table}")
        hosts = several(url, port, *ports)
        environment = {"LOCKSTITCH_DATABASE_URL": hosts, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS}
        running = asyncio.create_task(asyncio.to_thread(lockstitch, *command.split(), environment=environment))
        await until(lambda: holder.fetchval(waits, table))
        silent.set()
        for promoted in ports:
            await stack.enter_async_context(over_tcp(url, port=promoted))
        async with asyncio.timeout(40):
            done = await running
    assert done.stderr == "The database does not answer. Is the database of LOCKSTITCH_DATABASE_URL running?\n"
    assert done.returncode == 1


async def test_the_server_gives_up_a_vanished_client(empty_database_url: str) -> None:
    async with over_tcp(empty_database_url) as port, over_tcp(empty_database_url) as other:
        for ports in ([port], [port, other]):
            connection = await Connector(several(empty_database_url, *ports))(timeout=30.0)
            query = r"SELECT count(*) FROM pg_settings WHERE name LIKE 'tcp\_%' AND source = 'session'"
            assert await connection.fetchval(query) == 4
            await connection.close()


async def test_losers_are_closed(empty_database_url: str) -> None:
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(over_tcp(empty_database_url)) for _ in range(3)]
        connect = Connector(several(empty_database_url, free_port(), *ports))
        connections = await asyncio.gather(*(connect(timeout=30.0) for _ in range(10)))

        async def only_winners_are_open() -> bool:
            opened = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            return bool(await connections[0].fetchval(opened) == len(connections))

        await until(only_winners_are_open)
        for connection in connections:
            await connection.close()


async def test_a_refused_login_is_reported_before_a_silent_host(empty_database_url: str) -> None:
    async with silent_host() as silent, over_tcp(empty_database_url) as port:
        url = several(empty_database_url, port, silent)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await Connector(urlsplit(url)._replace(path="/no_such_database").geturl())(timeout=2.0)


async def test_nothing_but_silence_is_unavailable() -> None:
    async with silent_host() as silent, silent_host() as other:
        with pytest.raises(StoreUnavailable):
            await Database.connect(several("postgresql:///lockstitch", silent, other), connect_timeout=1.5)


async def test_a_connection_that_cannot_write_is_replaced(empty_database_url: str) -> None:
    """A server that was read-only when a connection was opened, and is writable again."""
    name = urlsplit(empty_database_url).path.lstrip("/")
    owner = await asyncpg.connect(empty_database_url)
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database = await Database.connect(empty_database_url, max_size=1)
    with pytest.raises(StoreUnavailable) as raised:
        await database.execute(WRITE)
    assert raised.value.detail == "The database is read-only."
    await owner.execute("SET default_transaction_read_only = off")
    await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await owner.close()

    with suppress(
        StoreUnavailable
    ):  # the pool may have opened the next connection before the end of the read-only mode
        await database.execute(WRITE)
    await database.execute(WRITE)
    await database.close()


def test_standbys_alone_are_unavailable_until_one_is_promoted() -> None:
    """Not an `anyio` test: the server has to be started from the main thread between two steps."""
    folder = open_folder("lockstitch-standby-")
    try:
        server = EmbeddedPostgres(folder / "pg", {"fsync": "off"})
        with server.running(folder / "log"):
            pass
        (server.folder / "data" / "standby.signal").touch()
        with server.running(folder / "log") as url:
            asyncio.run(_wait_for_promotion(url))
    finally:
        shutil.rmtree(folder)


async def _wait_for_promotion(url: str) -> None:
    async with over_tcp(url) as one, over_tcp(url) as two:
        hosts = several(url, one, two)
        with pytest.raises(StoreUnavailable) as raised:
            await Database.connect(hosts)
        assert raised.value.detail == "Each host of the database is a standby."
        for command in ("key list", "migrate --wait 0", "doctor"):
            done = await asyncio.to_thread(lockstitch, *command.split(), environment={"LOCKSTITCH_DATABASE_URL": hosts})
            assert done.returncode == 1
            assert "ach host of the database is a standby" in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
        waiting = asyncio.create_task(Database.connect(hosts, promotion_seconds=60.0))
        standby = await asyncpg.connect(url)
        assert not await asyncio.wait_for(standby.fetchval("SELECT NOT pg_is_in_recovery()"), 30)
        assert await standby.fetchval("SELECT pg_promote()")
        await standby.close()
        database = await waiting
        await database.execute(WRITE)
        await database.close()
