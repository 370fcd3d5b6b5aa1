"""Why a database that answers cannot be used."""

from collections.abc import Mapping
from typing import Final

import asyncpg
from msgspec import Struct


class DatabaseFault(Struct, frozen=True, kw_only=True):
    """`why` it cannot be used, and how to `fix` that: a command, or a sentence that ends with one."""

    why: str
    fix: str

    @property
    def sentence(self) -> str:
        """`why`, as a sentence."""
        return f"{self.why[0].upper()}{self.why[1:]}."

    def __str__(self) -> str:
        return f"{self.why}: {self.fix}"


_GRANT: Final = (
    "Name the role that owns Lockstitch's tables, or as the owner of the schema GRANT USAGE, CREATE ON SCHEMA to this"
    " role, then: lockstitch doctor"
)
FAULTS: Final[Mapping[object, DatabaseFault]] = {
    asyncpg.LockNotAvailableError: DatabaseFault(
        why="a transaction that stays open holds a lock",
        fix="Look for the oldest xact_start in pg_stat_activity, and end it, then: lockstitch doctor",
    ),
    asyncpg.ReadOnlySQLTransactionError: DatabaseFault(
        why="the database is read-only",
        fix="Name the primary in LOCKSTITCH_DATABASE_URL, or end the read-only mode (default_transaction_read_only),"
        " then: lockstitch doctor",
    ),
    asyncpg.DiskFullError: DatabaseFault(
        why="the database's disk is full",
        fix="Free space on the disk of PostgreSQL, or enlarge it, then: lockstitch doctor",
    ),
    asyncpg.TargetServerAttributeNotMatched: DatabaseFault(
        why="each host of the database is a standby",
        fix="Promote a standby, or name the primary in LOCKSTITCH_DATABASE_URL, then: lockstitch doctor",
    ),
    asyncpg.InsufficientPrivilegeError: DatabaseFault(
        why="the role of LOCKSTITCH_DATABASE_URL lacks rights", fix=_GRANT
    ),
    asyncpg.InvalidSchemaNameError: DatabaseFault(
        why="the role of LOCKSTITCH_DATABASE_URL may use no schema of its search_path", fix=_GRANT
    ),
}
"""By what asyncpg raises. A full disk can refuse new connections."""


def fault_of(error: BaseException | None) -> DatabaseFault | None:
    """Return why a database that answers cannot be used, by what asyncpg raised, or by the StoreUnavailable that it
    caused. None for any other error."""
    return None if error is None else FAULTS.get(type(error)) or FAULTS.get(type(error.__cause__))
