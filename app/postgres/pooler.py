"""Recognise a pooler that gives each transaction another session, such as PgBouncer in transaction mode."""

from typing import Final

import asyncpg

from app.errors import Complaint
from app.postgres.database import Database, Statement

ROUNDS: Final = 3
BEHIND_POOLER: Final = (
    "LOCKSTITCH_DATABASE_URL leads to a pooler in transaction mode, in which a session loses its settings, prepared"
    " statements and notifications. Use session mode (PgBouncer: pool_mode = session), or connect to PostgreSQL"
    " directly."
)
LOST_STATEMENTS: Final = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
"""What a prepared statement meets when its session has become another one's."""
BACKEND: Final = Statement("SELECT pg_backend_pid", "SELECT pg_backend_pid()")


async def refuse_transaction_pooling(database: Database) -> None:
    """Raise Complaint if a session changes its backend while another holds a transaction.

    Settings, prepared statements and LISTEN belong to a session, so they would get lost.
    """
    for _ in range(ROUNDS):
        if await _changes_backend(database):
            raise Complaint(BEHIND_POOLER)


async def _changes_backend(database: Database) -> bool:
    try:
        async with database.acquire() as session, database.acquire() as other:
            before = await session.fetch_value(BACKEND)
            async with other.transaction() as transaction:
                await transaction.fetch_value(BACKEND)
                return bool(before != await session.fetch_value(BACKEND))
    except LOST_STATEMENTS:
        return True
