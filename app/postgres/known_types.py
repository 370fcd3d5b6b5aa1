"""Connections that look up PostgreSQL's own array types once per process.

asyncpg asks the server about the array types of each statement on each connection, with two statements that take the
server 4 ms. A process meets all of `ARRAYS`, in ten combinations; they are asked for together.
"""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, Final

import asyncpg

FIRST_OID_OF_A_DATABASE: Final = 16_384
"""Types below it come with PostgreSQL and are the same in every database."""
ARRAYS: Final = frozenset({1000, 1001, 1007, 1016, 1022, 1185, 2951})
"""boolean[], bytea[], integer[], bigint[], float8[], timestamptz[] and uuid[]: the types in our statements that asyncpg
does not know."""
_NAMED: Final = SimpleNamespace(name="known")

_known: dict[frozenset[int], list[asyncpg.Record]] = {}


class KnownTypesConnection(asyncpg.Connection):
    """A connection of `Database`. A newer asyncpg without the method that this one replaces asks each time."""

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
