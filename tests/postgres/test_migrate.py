"""Migrations: they are applied once, and refuse what they cannot judge."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.postgres.database import Database
from app.postgres.migrate import (
    ADVISORY_LOCK,
    LOCK_SECONDS,
    MigrationError,
    migrate,
    read_migrations,
    schema_fault,
)
from tests.closing import async_closing
from tests.queue.harness import until


async def exists(url: str, table: str) -> bool:
    async with async_closing(asyncpg.connect(url)) as connection:
        return await connection.fetchval("SELECT to_regclass($1)", table) is not None


async def test_a_second_run_finds_nothing_to_do(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == read_migrations()
    assert await migrate(empty_database_url) == []


async def test_several_processes_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    runs = await asyncio.gather(*(migrate(empty_database_url, wait_seconds=60.0) for _ in range(4)))

    assert sorted(len(applied) for applied in runs) == [0, 0, 0, len(read_migrations())]


async def test_a_wait_behind_another_process_ends(empty_database_url: str) -> None:
    async with async_closing(asyncpg.connect(empty_database_url)) as other, asyncio.timeout(30):
        await other.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        with pytest.raises(MigrationError, match="Another process migrates the database"):
            await migrate(empty_database_url, wait_seconds=1.0)


async def test_each_reason_to_wait_is_reported_once(empty_database_url: str) -> None:
    parts, reports = urlsplit(empty_database_url), list[str]()
    alter = f"ALTER DATABASE {parts.path.lstrip('/')} WITH ALLOW_CONNECTIONS"
    async with (
        async_closing(asyncpg.connect(parts._replace(path="/template1").geturl())) as owner,
        async_closing(asyncpg.connect(empty_database_url)) as other,
    ):
        await other.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        await owner.execute(f"{alter} false")
        waiting = asyncio.create_task(migrate(empty_database_url, wait_seconds=90.0, report=reports.append))
        await until(lambda: reports)
        await owner.execute(f"{alter} true")
        await until(lambda: len(reports) > 1)
    assert await waiting == read_migrations()
    database_away, another_process = reports
    assert re.match(r"The database does not answer\. Trying again for [89]\d s\.", database_away)
    assert re.match(r"Another process migrates the database\. Trying again for [4-8]\d s\.", another_process)


async def test_a_database_without_the_schema_says_what_to_run(empty_database_url: str) -> None:
    database = await Database.connect(empty_database_url)
    missing = len(read_migrations())
    assert str(await schema_fault(database)) == f"migrations are missing ({missing}): lockstitch migrate"

    await migrate(empty_database_url)

    assert await schema_fault(database) is None
    await database.close()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str, tmp_path: Path) -> None:
    whole = read_migrations()
    (tmp_path / "0001_start.sql").write_text(whole[0].sql)
    (tmp_path / "0002_broken.sql").write_text("CREATE TABLE half_made (id integer); SELECT 1 / 0;")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_database_url, read_migrations(tmp_path))

    assert not await exists(empty_database_url, "half_made")
    (tmp_path / "0002_broken.sql").write_text("CREATE TABLE whole_made (id integer);")
    assert [done.name for done in await migrate(empty_database_url, read_migrations(tmp_path))] == ["broken"]
    assert await exists(empty_database_url, "whole_made")


async def test_an_applied_file_that_was_changed_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "0001_start.sql"
    file.write_text(read_migrations()[0].sql)
    await migrate(empty_database_url, read_migrations(tmp_path))

    file.write_text(file.read_text() + "-- an afterthought\n")

    with pytest.raises(MigrationError, match=r"0001_start\.sql was changed"):
        await migrate(empty_database_url, read_migrations(tmp_path))


async def test_a_database_of_a_newer_version_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    await migrate(empty_database_url)
    (tmp_path / "0001_schema.sql").write_text(read_migrations()[0].sql)
    last = read_migrations()[-1]
    newer = tmp_path / f"{last.version + 1:04d}_newer.sql"
    for migration in read_migrations()[1:]:
        (tmp_path / f"{migration.version:04d}_{migration.name}.sql").write_text(migration.sql)
    newer.write_text("SELECT 1;")
    await migrate(empty_database_url, read_migrations(tmp_path))

    with pytest.raises(MigrationError, match="migrated by a newer one"):
        await migrate(empty_database_url)


async def test_a_migration_waits_for_a_table_without_blocking_others(empty_database_url: str, tmp_path: Path) -> None:
    await migrate(empty_database_url)
    for migration in read_migrations():
        (tmp_path / f"{migration.version:04d}_{migration.name}.sql").write_text(migration.sql)
    (tmp_path / f"{len(read_migrations()) + 1:04d}_next.sql").write_text("ALTER TABLE job ADD COLUMN next text;")
    holder, worker = await asyncpg.connect(empty_database_url), await asyncpg.connect(empty_database_url)
    await worker.execute(f"SET statement_timeout = '{LOCK_SECONDS + 20}s'")
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT FROM job")
    try:
        with pytest.raises(StoreUnavailable) as raised:
            await migrate(empty_database_url, read_migrations(tmp_path))
        assert raised.value.detail == "A transaction that stays open holds a lock."

        waits = asyncio.create_task(migrate(empty_database_url, read_migrations(tmp_path), wait_seconds=60.0))
        async with asyncio.timeout(30):
            while not await worker.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass
        assert await worker.fetchval("SELECT count(*) FROM job") == 0
        assert not waits.done()
        await transaction.rollback()
        assert [done.name for done in await waits] == ["next"]
    finally:
        await holder.close()
        await worker.close()


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("SELECT 1;")
    (tmp_path / "0003_three.sql").write_text("SELECT 3;")

    with pytest.raises(MigrationError, match="should be number 0002"):
        read_migrations(tmp_path)
