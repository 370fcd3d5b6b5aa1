"""Migrate a database to the schema of this version: apply `migrations/*.sql` in order, each in its own transaction.

Never edit a released file: a database that has applied it cannot be changed back, so a file that differs from the
recorded digest is refused.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from app.errors import Complaint, StoreUnavailable
from app.postgres.connect import Connector
from app.postgres.database import TRANSLATED, Database, Statement
from app.postgres.fault import DatabaseFault
from app.postgres.silence import ending_silence

FOLDER = Path(__file__).parent / "migrations"

# Any constant that nothing else locks: "lockstit" in ASCII.
ADVISORY_LOCK = int.from_bytes(b"lockstit")
# While a change of a table waits for a transaction that uses it, everybody else waits behind the change.
LOCK_SECONDS: Final = 2.0
CONNECT_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.5

TABLE_EXISTS = Statement("SELECT pg_class", "SELECT to_regclass('schema_migration') IS NOT NULL")
SELECT_APPLIED = Statement("SELECT schema_migration", "SELECT version, digest FROM schema_migration ORDER BY version")


class MigrationError(Complaint):
    """The database cannot be migrated. The message says why and what to do."""


class AnotherMigration(MigrationError):
    """Another process migrates the database."""

    detail: Final = "Another process migrates the database."

    def __init__(self) -> None:
        super().__init__(f"{self.detail} When it has ended: lockstitch migrate")


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One file of `migrations/`: its number, the rest of its name, its text, and the SHA-256 of the text."""

    version: int
    name: str
    sql: str
    digest: bytes


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return all migrations in order. Raises MigrationError unless they are numbered 0001, 0002, … without a gap."""
    migrations = []
    for expected, file in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", file.stem)
        if match is None or int(match[1]) != expected:
            raise MigrationError(f"{file.name} should be number {expected:04d}: migrations are numbered without a gap.")
        sql = file.read_text(encoding="utf-8")
        migrations.append(
            Migration(version=expected, name=match[2], sql=sql, digest=hashlib.sha256(sql.encode()).digest())
        )
    return migrations


async def migrate(
    url: str,
    migrations: list[Migration] | None = None,
    *,
    wait_seconds: float = 0.0,
    report: Callable[[str], None] | None = None,
) -> list[Migration]:
    """Apply the missing migrations and return them. Processes may call this concurrently: one of them does the work.

    While the database does not answer, a lock is taken or another process migrates, retry for `wait_seconds`; `report`
    gets one sentence about each. Then raises StoreUnavailable or AnotherMigration. Raises MigrationError if an applied
    file has changed, or the database is newer than this version, and what asyncpg raises if the login is refused.
    """
    wanted = read_migrations() if migrations is None else migrations
    applied, reported = list[Migration](), set[str | None]()
    give_up = time.monotonic() + wait_seconds
    while True:
        try:
            with TRANSLATED:
                await _apply_missing(url, wanted, applied)
        except (StoreUnavailable, AnotherMigration) as error:
            left = give_up - time.monotonic()
            if left <= 0:
                raise
            if report is not None and error.detail not in reported:
                report(f"{error.detail} Trying again for {left:.0f} s.")
            reported.add(error.detail)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return applied


async def _apply_missing(url: str, wanted: list[Migration], done: list[Migration]) -> None:
    connection = await Connector(url)(timeout=CONNECT_SECONDS)
    try:
        async with ending_silence(url, connection.terminate):
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK):
                raise AnotherMigration
            await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            applied = await _read_applied(connection)
            _refuse_differences(wanted, applied)
            for migration in wanted:
                if migration.version not in applied:
                    await _apply(connection, migration)
                    done.append(migration)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)  # releases the lock


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migration (version, name, digest) VALUES ($1, $2, $3)",
            *(migration.version, migration.name, migration.digest),
        )


async def schema_fault(database: Database) -> DatabaseFault | None:
    """Return how the schema differs from that of this version, or None. A newer schema is no fault."""
    wanted = read_migrations()
    applied: dict[int, bytes] = {}
    if await database.fetch_value(TABLE_EXISTS):
        applied = {row["version"]: row["digest"] for row in await database.fetch(SELECT_APPLIED)}
    missing = sum(migration.version not in applied for migration in wanted)
    if missing:
        return DatabaseFault(why=f"migrations are missing ({missing})", fix="lockstitch migrate")
    for migration in wanted:
        if applied[migration.version] != migration.digest:
            return DatabaseFault(
                why=f"the database was migrated with another text of {migration.version:04d}_{migration.name}.sql",
                fix="Run the build of Lockstitch that migrated it, or restore a backup made with this one, then:"
                " lockstitch doctor",
            )
    return None


async def _read_applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, bytes]:
    if not await connection.fetchval(TABLE_EXISTS.sql):
        return {}
    return {row["version"]: row["digest"] for row in await connection.fetch(SELECT_APPLIED.sql)}


def _refuse_differences(wanted: list[Migration], applied: dict[int, bytes]) -> None:
    known = {migration.version: migration for migration in wanted}
    for version, digest in applied.items():
        if version not in known:
            raise MigrationError(
                f"The database has migration {version:04d}, which this version of Lockstitch does not know:"
                " it was migrated by a newer one. Run that version."
            )
        migration = known[version]
        if migration.digest != digest:
            raise MigrationError(
                f"{version:04d}_{migration.name}.sql was changed after it was applied to this database:"
                " restore it, and add a new migration for the change."
            )
