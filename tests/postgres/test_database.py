"""The pool: what commits, what a span tells, and what a lost database looks like."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.errors import StoreUnavailable
from app.postgres import database as database_module
from app.postgres.database import Database, NamedStatement, Statement, trace_queries
from app.postgres.embedded import EmbeddedPostgres

CREATE = Statement("CREATE thing", "CREATE TABLE thing (id integer PRIMARY KEY)")
INSERT = Statement("INSERT thing", "INSERT INTO thing (id) SELECT unnest($1::integer[])")
COUNT = Statement("SELECT thing", "SELECT count(*) FROM thing")


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(empty_database_url)
    await opened.execute(CREATE)
    yield opened
    await opened.close()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(database_module, "_tracer", provider.get_tracer("test"))
    trace_queries(True)
    yield exporter
    trace_queries(False)


async def test_a_block_commits_as_a_whole_or_not_at_all(database: Database) -> None:
    async with database.transaction() as session:
        assert await session.execute(INSERT, [1, 2]) == 2

    with pytest.raises(ZeroDivisionError):
        await _insert_and_fail(database)

    assert await database.fetch_value(COUNT) == 2


async def test_a_process_looks_up_types_of_postgresql_once(database: Database, empty_database_url: str) -> None:
    lookups = Statement(
        "SELECT pg_prepared_statements",
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%typeinfo' || '_tree%'",
    )
    arrays = Statement("SELECT arrays", "SELECT $1::integer[] AS numbers, $2::bytea[] AS texts")
    others = Statement("SELECT arrays", "SELECT $1::uuid[] AS ids, $2::boolean[] AS flags, $3::bytea[] AS texts")
    colours = Statement("SELECT colours", "SELECT $1::colour[] AS colours")
    await database.execute(Statement("CREATE colour", "CREATE TYPE colour AS ENUM ('red', 'blue')"))
    assert await database.fetch_value(arrays, [0], [b"z"]) == [0]

    another = await Database.connect(empty_database_url, max_size=1)

    assert tuple(await another.fetch_row(arrays, [1, 2], [b"a"]) or ()) == ([1, 2], [b"a"])
    assert tuple(await another.fetch_row(others, [UUID(int=1)], [True], [b"a"]) or ())[1:] == ([True], [b"a"])
    assert await another.fetch_value(lookups) == 0
    assert await another.fetch_value(colours, ["red"]) == ["red"]
    assert await another.fetch_value(lookups) == 1
    await another.close()


async def test_a_named_parameter_is_one_argument_however_often_used(database: Database) -> None:
    query = NamedStatement("SELECT one", "SELECT :last::text || ':' || :first::text AS name, :last::text AS last")
    arguments = query.arguments({"first": "Ada", "last": "Byron", "other": 1})
    assert arguments == ["Byron", "Ada"]
    (row,) = await database.fetch(query, *arguments)
    assert dict(row) == {"name": "Byron:Ada", "last": "Byron"}
    with pytest.raises(KeyError, match="first"):
        query.arguments({"last": "Byron"})


async def test_a_cancelled_block_is_rolled_back(database: Database) -> None:
    inserted = asyncio.Event()

    async def insert_and_wait() -> None:
        async with database.transaction() as session:
            await session.execute(INSERT, [1])
            inserted.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(insert_and_wait())
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await database.fetch_value(COUNT) == 0


async def test_an_error_of_ours_keeps_its_name(database: Database) -> None:
    await database.execute(INSERT, [1])

    with pytest.raises(asyncpg.UniqueViolationError):
        await database.execute(INSERT, [1])
    with pytest.raises(asyncpg.InterfaceError):
        await database.execute(COUNT, "one argument too many")


async def test_a_query_is_a_client_span_of_the_recorded_one(database: Database, spans: InMemorySpanExporter) -> None:
    with _parent() as parent:
        await database.execute(INSERT, [1])

    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("INSERT thing", SpanKind.CLIENT)
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    assert dict(span.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.operation.name": "INSERT",
        "db.collection.name": "thing",
        "db.query.summary": "INSERT thing",
    }


async def test_a_failed_query_shows_its_code_and_no_value(database: Database, spans: InMemorySpanExporter) -> None:
    await database.execute(INSERT, [2_147_480_011])
    with _parent(), pytest.raises(asyncpg.UniqueViolationError):
        await database.execute(INSERT, [2_147_480_011])

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["db.response.status_code"] == "23505"
    assert "2147480011" not in _everything_said(span)


async def test_without_a_recorded_span_there_is_none(database: Database, spans: InMemorySpanExporter) -> None:
    await database.execute(INSERT, [1])

    assert spans.get_finished_spans() == ()


async def test_a_server_that_is_not_there_is_said_to_be_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        await Database.connect("postgresql://lockstitch@127.0.0.1:1/lockstitch", connect_timeout=2)


async def test_a_pool_that_has_no_connection_left_says_so(empty_database_url: str) -> None:
    database = await Database.connect(empty_database_url, max_size=1, acquire_timeout=1)
    async with database.acquire():
        with pytest.raises(StoreUnavailable):
            await database.fetch_value(Statement("SELECT one", "SELECT 1"))
    await database.close()


async def test_a_database_that_is_gone_is_unavailable_to_those_who_knew_it(empty_database_url: str) -> None:
    """A backup is being restored. A process that starts meanwhile reports it."""
    name = f"test_{uuid4().hex}"
    owner = await asyncpg.connect(empty_database_url)
    await owner.execute(f"CREATE DATABASE {name}")
    url = urlsplit(empty_database_url)._replace(path=f"/{name}").geturl()
    database = await Database.connect(url)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()

    for _ in range(3):  # the connection that is lost, and those that are not to be had
        with pytest.raises(StoreUnavailable):
            await database.fetch_value(Statement("SELECT one", "SELECT 1"))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await Database.connect(url)
    await database.close()


def test_a_lost_server_is_unavailable_and_a_restarted_one_is_used_again() -> None:
    """Not an `anyio` test: the server has to be started from the main thread between two steps."""
    with tempfile.TemporaryDirectory(prefix="lockstitch-lost-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = EmbeddedPostgres(folder / "pg")
        one = Statement("SELECT one", "SELECT 1")
        with asyncio.Runner() as runner:
            with server.running(folder / "log") as url:
                database = runner.run(Database.connect(url))
                with pytest.raises(StoreUnavailable):
                    runner.run(_lose_inside_a_transaction(database, server))
                with pytest.raises(StoreUnavailable):
                    runner.run(database.fetch_value(one))
            with server.running(folder / "log"):
                assert runner.run(database.fetch_value(one)) == 1
                runner.run(database.close())


async def _lose_inside_a_transaction(database: Database, server: EmbeddedPostgres) -> None:
    one = Statement("SELECT one", "SELECT 1")
    async with database.transaction() as session:
        await session.fetch_value(one)
        os.kill(int((server.folder / "data/postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        while True:
            await session.fetch_value(one)


async def _insert_and_fail(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(INSERT, [3])
        raise ZeroDivisionError


def _parent() -> AbstractContextManager[trace.Span]:
    return TracerProvider().get_tracer("test").start_as_current_span("parent")


def _everything_said(span: ReadableSpan) -> str:
    return f"{span.to_json()} {span.status.description} {span.events}"
