"""The tables that every write touches: the schema checks several columns of a row, the tests check formats too."""

import asyncpg
import pytest

from app.postgres.database import Database, Statement
from app.postgres.migrate import migrate
from tests.closing import async_closing
from tests.formats import FORMATS

CHECKS = """
    SELECT conname, conrelid::regclass::text AS table
      FROM pg_constraint
     WHERE contype = 'c' AND cardinality(conkey) = 1 AND conrelid = ANY ($1::text[]::regclass[])
"""


async def test_the_schema_checks_no_single_column_but_the_version(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    async with async_closing(asyncpg.connect(empty_database_url)) as connection:
        names = [row["conname"] for row in await connection.fetch(CHECKS, list(FORMATS))]
    assert names == ["record_state_version_check"]


@pytest.mark.parametrize("table", FORMATS)
async def test_the_databases_of_tests_check_each_format(database: Database, table: str) -> None:
    rows = await database.fetch(Statement("SELECT pg_constraint", CHECKS), [table])
    names = {row["conname"] for row in rows}
    assert names >= {f"{table}_format_{number}" for number in range(len(FORMATS[table]))}
    for condition, wrong in FORMATS[table]:
        query = f"SELECT {condition} FROM (SELECT {wrong}) AS one"  # noqa: S608
        assert await database.fetch_value(Statement("SELECT one", query)) is False
