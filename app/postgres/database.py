"""The one door to PostgreSQL: a pool of connections, transactions, and a span for each query.

    INSERT_KEY = Query("INSERT api_key", "INSERT INTO api_key …")

    async with database.transaction() as session:
        await session.execute(INSERT_KEY, …)

A session carries nothing from one use of its connection to the next: no SET, no LISTEN, no session-level advisory lock.
Therefore connections go back to the pool without the four statements of reset that the pool would run otherwise.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from types import TracebackType
from typing import Any, Final, Protocol, Self

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from app.errors import StoreUnavailable

_tracer = trace.get_tracer("lockstitch.store")
_UNTRACED: Final = nullcontext()

# What asyncpg raises when PostgreSQL is away, starting, stopping, full, failing over or closed for maintenance
# (SQLSTATE classes 08, 53, 57 and codes 25006, 55000), or sacrifices a transaction to another one (class 40: a
# deadlock), beside the timeouts and socket errors that are OSError. Anything else is a mistake of ours.
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)

# No such login, or no such database. Whoever starts is told so in PostgreSQL's words; to whoever was let in before it
# is a database whose password was changed, or that is being restored.
_REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)

# A prepared statement keeps its plan. One that was made while a table was all but empty would read the whole table, and
# go on so while it grows to millions, until the next ANALYZE; every query of ours has an index that fits.
# Up to PostgreSQL 17 a plan that reads a table all the same is given such costs that it would be compiled each time it
# runs, which takes a hundred times as long as a small table.
# Every rule about who comes first needs statements that see what was committed while they waited for a lock; an owner
# of the database may have chosen otherwise for all of it.
SESSION_SETTINGS: Final = {
    "enable_seqscan": "off",
    "jit": "off",
    "default_transaction_isolation": "read committed",
}

_log = logging.getLogger("lockstitch.store")


class Statement:
    """SQL text with the low-cardinality name that its span carries: the command and the table, `INSERT api_key`."""

    __slots__ = ("attributes", "sql", "summary")

    def __init__(self, summary: str, sql: str) -> None:
        operation, _, table = summary.partition(" ")
        self.sql = sql
        self.summary = summary
        self.attributes = {
            "db.system.name": "postgresql",
            "db.operation.name": operation,
            "db.collection.name": table,
            "db.query.summary": summary,
        }


class Session:
    """One connection, for as long as the `with` block that yielded it.

    Every method raises StoreUnavailable when PostgreSQL cannot be reached, and the errors of asyncpg for the rest
    (`UniqueViolationError` and the like), which the callers in `store` turn into their own words.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
        """All rows."""
        with _span(query), _TRANSLATED:
            return await self._connection.fetch(query.sql, *arguments)

    async def fetch_row(self, query: Statement, *arguments: Any) -> asyncpg.Record | None:
        """The first row, or None without one."""
        with _span(query), _TRANSLATED:
            return await self._connection.fetchrow(query.sql, *arguments)

    async def fetch_value(self, query: Statement, *arguments: Any) -> Any:
        """The first column of the first row, or None without a row."""
        with _span(query), _TRANSLATED:
            return await self._connection.fetchval(query.sql, *arguments)

    async def execute(self, query: Statement, *arguments: Any) -> int:
        """Run a command; the number of rows that it touched, 0 where that has no meaning."""
        with _span(query), _TRANSLATED:
            tag = await self._connection.execute(query.sql, *arguments)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """One transaction: committed at the end of the block, rolled back when the block raises.

        StoreUnavailable out of the end of the block leaves open whether the commit happened.
        """
        with _TRANSLATED:
            # Said again where it costs nothing: a pooler may have refused the parameters of the session.
            transaction = self._connection.transaction(isolation="read_committed")
            await transaction.start()
        try:
            yield
        except BaseException:
            # Where this fails the connection is lost, and PostgreSQL has rolled back by itself.
            with suppress(asyncpg.InterfaceError, asyncpg.InternalClientError, *UNAVAILABLE):
                await transaction.rollback()
            raise
        with _TRANSLATED:
            await transaction.commit()


class Database:
    """A pool of connections to one PostgreSQL (15 or later). Made by `connect`, given back by `close`."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", acquire_timeout: float, openings: Callable[[], int]
    ) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout
        self._openings = openings

    @property
    def openings(self) -> int:
        """How many connections were opened so far. While it stays the same this is the same PostgreSQL as before, and
        not one that was restored, or took over, with what it had by then."""
        return self._openings()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        acquire_timeout: float = 5.0,
        command_timeout: float = 30.0,
        settings: Mapping[str, str] | None = None,
    ) -> Self:
        """Open the pool. Timeouts are in seconds; both end in StoreUnavailable, as does a server that is not there.

        `settings` are parameters of the sessions, beside those of `SESSION_SETTINGS`. A pooler in between may refuse
        them; then it goes without.
        """

        openings = 0

        async def count(_: object) -> None:
            nonlocal openings
            openings += 1

        async def open_pool(parameters: dict[str, str]) -> "asyncpg.Pool[asyncpg.Record]":
            return await asyncpg.create_pool(
                url,
                min_size=max(1, min_size),
                max_size=max_size,
                timeout=acquire_timeout,
                command_timeout=command_timeout,
                statement_cache_size=256,
                init=count,
                reset=_keep_as_it_is,
                server_settings={"application_name": "lockstitch", **parameters},
            )

        with _TRANSLATED:
            try:
                pool = await open_pool({**SESSION_SETTINGS, **(settings or {})})
            except asyncpg.ProtocolViolationError:
                _log.warning("a pooler refuses parameters of sessions; plans may be slow while tables grow quickly")
                pool = await open_pool({})
        return cls(pool, acquire_timeout, lambda: openings)

    async def close(self) -> None:
        """Wait for the sessions in use, then close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Session]:
        """A session whose commands commit one by one."""
        try:
            with _TRANSLATED:
                connection = await self._pool.acquire(timeout=self._acquire_timeout)
        except _REFUSED as error:
            raise StoreUnavailable("The database lets nobody in.") from error
        try:
            yield Session(connection)
        finally:
            with _TRANSLATED:
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session inside one transaction, as `Session.transaction` has it."""
        async with self.acquire() as session, session.transaction():
            yield session

    async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
        """`Session.fetch` on a connection of its own."""
        async with self.acquire() as session:
            return await session.fetch(query, *arguments)

    async def fetch_row(self, query: Statement, *arguments: Any) -> asyncpg.Record | None:
        """`Session.fetch_row` on a connection of its own."""
        async with self.acquire() as session:
            return await session.fetch_row(query, *arguments)

    async def fetch_value(self, query: Statement, *arguments: Any) -> Any:
        """`Session.fetch_value` on a connection of its own."""
        async with self.acquire() as session:
            return await session.fetch_value(query, *arguments)

    async def execute(self, query: Statement, *arguments: Any) -> int:
        """`Session.execute` on a connection of its own."""
        async with self.acquire() as session:
            return await session.execute(query, *arguments)


async def _keep_as_it_is(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The pool's reset: nothing, as the module's docstring explains."""


def _span(query: Statement) -> AbstractContextManager[None]:
    """A client span under the current one, where that is recorded; free otherwise."""
    return _recorded(query) if trace.get_current_span().is_recording() else _UNTRACED


@contextmanager
def _recorded(query: Statement) -> Iterator[None]:
    """Neither parameter values nor the server's error texts, which quote them, are put on the span."""
    with _tracer.start_as_current_span(
        query.summary,
        kind=SpanKind.CLIENT,
        attributes=query.attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__qualname__)
            sqlstate = getattr(error.__cause__ or error, "sqlstate", None)
            if sqlstate is not None:
                span.set_attribute("db.response.status_code", sqlstate)
            raise


class _Translation(AbstractContextManager[None]):  # three to a query, and a generator costs five times as much
    """What asyncpg raises when PostgreSQL is away becomes StoreUnavailable."""

    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        lost = isinstance(error, UNAVAILABLE)
        # One class for a lost connection and for a wrong number of arguments; only the text tells them apart.
        if not lost and isinstance(error, asyncpg.InterfaceError):
            lost = any(word in str(error) for word in ("closed", "closing", "released back to the pool"))
        # asyncpg's word for a connection that the server has said good-bye to and not yet closed.
        if not lost and isinstance(error, asyncpg.InternalClientError):
            lost = "another operation (2) is in progress" in str(error)
        if lost:
            raise StoreUnavailable("The database does not answer.") from error


_TRANSLATED: Final = _Translation()


class Transaction(Protocol):
    """A transaction that is open. Flows hand it from port to port, so that what is written stands or falls together;
    only the store looks inside."""

    async def fetch(self, query: Any, *arguments: Any) -> list[Any]:
        """All rows."""

    async def fetch_row(self, query: Any, *arguments: Any) -> Any:
        """The first row, or None."""

    async def fetch_value(self, query: Any, *arguments: Any) -> Any:
        """The first column of the first row, or None."""

    async def execute(self, query: Any, *arguments: Any) -> int:
        """The number of rows that were touched."""


class Transactions(Protocol):
    """Where a flow's transaction comes from, when it has no job to finish."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits when the block ends, rolls back when it raises. Raises StoreUnavailable."""
