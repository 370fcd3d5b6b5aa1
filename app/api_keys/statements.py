"""Statements and SQL fragments of API keys, for capabilities above."""

from typing import Final

from app.postgres.database import Database, Statement

VALID: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
"""The condition under which a row of `api_key` opens anything."""

NAME = Statement("SELECT api_key", "SELECT name FROM api_key WHERE principal = $1 ORDER BY created_at DESC LIMIT 1")


async def name_of(database: Database, actor: str) -> str:
    """Return the name of the newest key of a principal, and any other actor as it is. Raises StoreUnavailable."""
    return str(await database.fetch_value(NAME, actor) or actor)
