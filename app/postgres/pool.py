"""A pool that hands a clean connection from one user to the next at once.

asyncpg's own pool ends each use in a task with a timer, which costs as much as a short query. Nothing of that is needed
here: a session leaves no state on its connection. So a connection whose use ended well waits here for the next user.
asyncpg's pool opens and closes connections, and gets back every one whose use failed, that someone waits for, or that
waits when `KEEP_SECONDS` have passed: it replaces what is broken, old or long unused.
"""

import asyncio
from collections.abc import Collection
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:
    Connection = PoolConnectionProxy[asyncpg.Record]

KEEP_SECONDS: Final = 60.0
END_SECONDS: Final = 1.0
"""How long a use that failed may take to cancel its statement or to roll back. Then its connection is closed: a server
that is silent would take as long again as the statement."""
FIRST_OID_OF_A_DATABASE: Final = 16_384
"""Types below it come with PostgreSQL and are the same in every database."""
ARRAYS: Final = frozenset({1000, 1001, 1007, 1016, 1022, 1185, 2951})
"""boolean[], bytea[], integer[], bigint[], float8[], timestamptz[] and uuid[]: the types in our statements that asyncpg
does not know."""
_NAMED: Final = SimpleNamespace(name="known")

_known: dict[frozenset[int], list[asyncpg.Record]] = {}


class KnownTypesConnection(asyncpg.Connection):
    """A connection that looks up PostgreSQL's own array types once per process.

    asyncpg asks the server about the array types of each statement on each connection, with two statements that take
    the server 4 ms. A process meets all of `ARRAYS`, in ten combinations; they are asked for together. A newer asyncpg
    without the method that this one replaces asks each time.
    """

    __slots__ = ()

    async def _introspect_types(
        self,
        typeoids: Collection[int],
        timeout: float | None,  # noqa: ASYNC109 - asyncpg's signature
    ) -> tuple[list[Any], Any]:
        """Return the rows about these types, and the statement that asked, which must have a name."""
        wanted = ARRAYS.union(typeoids)
        if wanted in _known:
            return _known[wanted], _NAMED
        rows, statement = await super()._introspect_types(wanted, timeout)  # type: ignore[misc]
        if max(wanted) < FIRST_OID_OF_A_DATABASE:
            _known[wanted] = rows
        return rows, statement


class Pool:
    """The connections of one process. It lends each one to one user at a time."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", acquire_timeout: float) -> None:
        """`acquire_timeout` is how many seconds a user waits while all connections are in use."""
        self._pool = pool
        self._size = pool.get_max_size()
        self._acquire_timeout = acquire_timeout
        self._users = 0
        self._waiting: list[Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None
        self._closing = False

    async def take(self) -> "Connection":
        """Return a connection. Give it back once. Raises TimeoutError, and what asyncpg raises when it connects."""
        self._users += 1
        try:
            while self._waiting:
                connection = self._waiting.pop()
                try:
                    if not connection.is_closed():
                        return connection
                except asyncpg.InterfaceError:
                    continue  # the server ended it, and asyncpg's pool has taken it back
                await self._pool.release(connection)
            # Only a pool that is used up makes a user wait, and a timer costs as much as the rest. Opening a connection
            # has a timeout of its own.
            timeout = None if self._users <= self._size else self._acquire_timeout
            return await self._pool.acquire(timeout=timeout)
        except BaseException:
            self._users -= 1
            raise

    async def give_back(self, connection: "Connection", *, clean: bool) -> None:
        """End a use. `clean`: every command of it succeeded."""
        wanted = self._users > self._size  # by a user who waits in asyncpg's pool
        try:
            try:
                clean = clean and not connection.is_in_transaction()
            except asyncpg.InterfaceError:  # as in `take`
                clean = False
            if not clean or wanted or self._closing:
                await self._pool.release(connection, timeout=END_SECONDS)
                return
            self._waiting.append(connection)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._return_waiting)
        finally:
            self._users -= 1

    def _return_waiting(self) -> None:
        self._timer = None
        self._returning = asyncio.create_task(self._release_waiting())

    async def _release_waiting(self) -> None:
        while self._waiting:
            await self._pool.release(self._waiting.pop(), timeout=self._acquire_timeout)

    def terminate(self) -> None:
        """Close all connections at once. A statement that runs on one fails."""
        self._waiting.clear()
        self._pool.terminate()

    async def close(self) -> None:
        """Wait for the connections in use, then close all."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        await self._release_waiting()
        await self._pool.close()
