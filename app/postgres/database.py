"""Access to PostgreSQL: a connection pool, transactions, and, if wanted, a span for each query.

    INSERT_KEY = Statement("INSERT api_key", "INSERT INTO api_key …")

    async with database.transaction() as transaction:
        await transaction.execute(INSERT_KEY, …)

A session leaves no state on its connection: no SET, no LISTEN, no session-level advisory lock. The pool therefore skips
the four reset statements that it would run otherwise (`app/postgres/pool.py`).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from types import TracebackType
from typing import Any, Final, Self

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from app.errors import StoreUnavailable
from app.postgres.connect import REFUSED, Connector
from app.postgres.fault import FAULTS
from app.postgres.pool import END_SECONDS, KnownTypesConnection, Pool

_tracer = trace.get_tracer("lockstitch.store")
_traces_queries = False

# What asyncpg raises when PostgreSQL is down, starting, stopping, full, failing over or closed for maintenance
# (SQLSTATE classes 08, 53, 57 and codes 25006, 55000), when each host is a standby, or when PostgreSQL aborts a
# transaction because of another (class 40: a deadlock). Timeouts and socket errors are OSError. Anything else is a bug
# in Lockstitch.
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TargetServerAttributeNotMatched,
)

# enable_seqscan: a prepared statement keeps its plan. A plan made on a nearly empty table would scan it fully, and keep
# doing so while it grows to millions of rows, until the next ANALYZE. Every query here has a suitable index.
# jit: up to PostgreSQL 17, a sequential scan that happens anyway gets such a high cost that it would be compiled on
# each run, which takes a hundred times as long as scanning a small table.
# default_transaction_isolation: the ordering rules need statements that see what was committed while they waited for a
# lock, and the owner of the database may have set another default.
SESSION_SETTINGS: Final = {
    "enable_seqscan": "off",
    "jit": "off",
    "default_transaction_isolation": "read committed",
}

PROMOTION_POLL_SECONDS: Final = 0.5

_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z]\w*)")  # not a cast, such as `::text`


def trace_queries(wanted: bool) -> None:
    """Give each query a span from now on, or none. Three quarters of the spans of a run would be queries."""
    global _traces_queries
    _traces_queries = wanted


class Statement:
    """SQL text and the low-cardinality name of its span: command and table, such as `INSERT api_key`."""

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


CUSTOM_PLAN: Final = Statement("SELECT settings", "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
"""For the rest of a transaction, plan each statement by its arguments: optional filters decide which index to use."""


class NamedStatement(Statement):
    """A statement whose parameters have names, such as `:remote_id`."""

    __slots__ = ("_names",)

    def __init__(self, summary: str, sql: str) -> None:
        self._names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
        numbers = {name: number for number, name in enumerate(self._names, start=1)}
        super().__init__(summary, _PARAMETER.sub(lambda parameter: f"${numbers[parameter[1]]}", sql))

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """Return the values of the parameters in the order of the statement. Further values are left out."""
        return list(map(values.__getitem__, self._names))


def arrays_of(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Return rows of `count` columns as an array for each, the arguments of a statement that unnests them."""
    return [[row[place] for row in rows] for place in range(count)]


class Session:
    """One connection, valid for the duration of the `with` block that yielded it.

    Every method raises StoreUnavailable if PostgreSQL cannot be reached, and otherwise the errors of asyncpg
    (`UniqueViolationError` and others), which the calling store translates.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
        """Return all rows."""
        with _span(query):
            return await self._connection.fetch(query.sql, *arguments)

    async def fetch_row(self, query: Statement, *arguments: Any) -> asyncpg.Record | None:
        """Return the first row, or None without one."""
        with _span(query):
            return await self._connection.fetchrow(query.sql, *arguments)

    async def fetch_value(self, query: Statement, *arguments: Any) -> Any:
        """Return the first column of the first row, or None without a row."""
        with _span(query):
            return await self._connection.fetchval(query.sql, *arguments)

    async def execute(self, query: Statement, *arguments: Any) -> int:
        """Run a command and return the number of affected rows, or 0 for a command without one."""
        with _span(query):
            tag = await self._connection.execute(query.sql, *arguments)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Run the block in one transaction. Commits at its end; rolls back if it raises.

        If the commit raises StoreUnavailable, it is unknown whether it happened.
        """
        with TRANSLATED:
            transaction = self._connection.transaction(isolation="read_committed")
            await transaction.start()
        opened = Transaction(self._connection)
        try:
            yield opened
        except BaseException:
            # If this fails, the connection is lost and PostgreSQL rolls back.
            with suppress(asyncpg.InterfaceError, asyncpg.InternalClientError, *UNAVAILABLE):
                async with asyncio.timeout(END_SECONDS):
                    await transaction.rollback()
            raise
        with TRANSLATED:
            await transaction.commit()
        for call in opened.after_commit:
            call()


class Transaction(Session):
    """A session inside an open transaction. Pass it from store to store to commit their writes together.

    `after_commit`: functions to call once it has been committed. They are not called if that is unknown.
    """

    __slots__ = ("after_commit",)

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        super().__init__(connection)
        self.after_commit: list[Callable[[], None]] = []


class Database:
    """A pool of connections to one PostgreSQL (15 or later). Open it with `connect`; close it with `close`."""

    def __init__(self, pool: Pool, openings: Callable[[], int]) -> None:
        self._pool = pool
        self._openings = openings

    @property
    def openings(self) -> int:
        """The number of connections opened so far.

        While it is unchanged, the server is the same as before, not a restored or failed-over one with older data.
        """
        return self._openings()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        connect_timeout: float = 5.0,
        acquire_timeout: float = 5.0,
        command_timeout: float = 30.0,
        promotion_seconds: float = 0.0,
        settings: Mapping[str, str] | None = None,
    ) -> Self:
        """Open the pool. Timeouts are in seconds. A timeout or an unreachable server raises StoreUnavailable.

        `acquire_timeout` limits the wait while all connections are in use, which comes before that for the statement.
        While each host of the URL is a standby, wait `promotion_seconds` for one that is promoted. `settings` are
        session parameters in addition to `SESSION_SETTINGS`. They are set by SET, since a pooler drops or refuses
        parameters of the start of a session.
        """
        openings = 0
        parameters = {**SESSION_SETTINGS, **(settings or {})}
        prepare = "; ".join(f"SET {name} = '{value}'" for name, value in parameters.items())

        async def begin(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
            nonlocal openings
            openings += 1
            await connection.execute(prepare, timeout=connect_timeout)

        connect, give_up = Connector(url), time.monotonic() + promotion_seconds
        while True:
            try:
                with TRANSLATED:
                    pool = await asyncpg.create_pool(
                        connect=connect,
                        min_size=max(1, min_size),
                        max_size=max_size,
                        timeout=connect_timeout,
                        command_timeout=command_timeout,
                        statement_cache_size=256,
                        connection_class=KnownTypesConnection,
                        init=begin,
                        reset=_skip_reset,
                        server_settings={"application_name": "lockstitch"},
                    )
                return cls(Pool(pool, acquire_timeout), lambda: openings)
            except StoreUnavailable as error:
                is_promoting = isinstance(error.__cause__, asyncpg.TargetServerAttributeNotMatched)
                if not is_promoting or time.monotonic() >= give_up:
                    raise
            await asyncio.sleep(PROMOTION_POLL_SECONDS)

    async def close(self) -> None:
        """Wait for the sessions in use, then close every connection."""
        await self._pool.close()

    def terminate(self) -> None:
        """Close every connection at once. A statement that runs raises StoreUnavailable."""
        self._pool.terminate()

    def acquire(self) -> AbstractAsyncContextManager[Session]:
        """Yield a session in which each command commits by itself."""
        return _Use(self._pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction on a connection from the pool, like `Session.transaction`."""
        async with self.acquire() as session, session.transaction() as transaction:
            yield transaction

    async def fetch(self, query: Statement, *arguments: Any) -> list[asyncpg.Record]:
        """Call `Session.fetch` on a connection from the pool."""
        async with self.acquire() as session:
            return await session.fetch(query, *arguments)

    async def fetch_row(self, query: Statement, *arguments: Any) -> asyncpg.Record | None:
        """Call `Session.fetch_row` on a connection from the pool."""
        async with self.acquire() as session:
            return await session.fetch_row(query, *arguments)

    async def fetch_value(self, query: Statement, *arguments: Any) -> Any:
        """Call `Session.fetch_value` on a connection from the pool."""
        async with self.acquire() as session:
            return await session.fetch_value(query, *arguments)

    async def execute(self, query: Statement, *arguments: Any) -> int:
        """Call `Session.execute` on a connection from the pool."""
        async with self.acquire() as session:
            return await session.execute(query, *arguments)


class _Use(AbstractAsyncContextManager[Session]):  # entered for every query; a generator costs several times as much
    """One use of a connection of the pool."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Session:
        try:
            with TRANSLATED:
                self._connection = await self._pool.take()
        except REFUSED as error:
            # At start it is reported in PostgreSQL's words. Later it means that the password was changed or the
            # database is being restored.
            raise StoreUnavailable("The database refuses the login.") from error
        return Session(self._connection)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, StoreUnavailable) and isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError):
            self._connection.terminate()  # this server may stay a standby; the next connection finds the primary
        with TRANSLATED:
            await self._pool.give_back(self._connection, clean=kind is None)


@contextmanager
def refusing(tables: Collection[str], refusal: type[Exception]) -> Iterator[None]:
    """Raise `refusal` if a statement in the block would store something twice in one of these tables."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.table_name not in tables:
            raise
        raise refusal from error


async def _skip_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Skip the pool's reset; see the module's docstring."""


def _span(query: Statement) -> AbstractContextManager[None]:
    """Translate the errors of a query, in a client span if queries are traced and the current span is recorded."""
    return _recorded_span(query) if _traces_queries and trace.get_current_span().is_recording() else TRANSLATED


@contextmanager
def _recorded_span(query: Statement) -> Iterator[None]:
    """Start a span without parameter values and without the server's error texts, which quote them."""
    with _tracer.start_as_current_span(
        query.summary,
        kind=SpanKind.CLIENT,
        attributes=query.attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            with TRANSLATED:
                yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__qualname__)
            sqlstate = getattr(error.__cause__ or error, "sqlstate", None)
            if sqlstate is not None:
                span.set_attribute("db.response.status_code", sqlstate)
            raise


class _Translation(AbstractContextManager[None]):  # entered three times per query; a generator costs five times as much
    """Translates what asyncpg raises while PostgreSQL is unavailable into StoreUnavailable."""

    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        lost = isinstance(error, UNAVAILABLE)
        # asyncpg uses one class for a lost connection and for a wrong number of arguments; only the text differs.
        if not lost and isinstance(error, asyncpg.InterfaceError):
            lost = any(word in str(error) for word in ("closed", "closing", "released back to the pool"))
        # asyncpg's error for a connection that the server has ended but not yet closed.
        if not lost and isinstance(error, asyncpg.InternalClientError):
            lost = "another operation (2) is in progress" in str(error)
        if lost:
            fault = FAULTS.get(type(error))
            raise StoreUnavailable("The database does not answer." if fault is None else fault.sentence) from error


TRANSLATED: Final = _Translation()
