"""Statements and SQL fragments of API keys, for capabilities above."""

from collections.abc import Collection, Mapping
from typing import Final

from app.postgres.database import Database, Statement

VALID: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
"""The condition under which a row of `api_key` opens anything."""

NEWEST_NAME: Final = "SELECT name FROM api_key AS key WHERE key.principal = {0} ORDER BY created_at DESC LIMIT 1"
"""SQL text of the name of a principal's newest key; `{0}` is the principal."""

NAMES = Statement(
    "SELECT api_key",
    f"""
    SELECT DISTINCT principal, ({NEWEST_NAME.format("actor.principal")}) AS name
      FROM (SELECT principal FROM api_key WHERE $1::text[] IS NULL OR principal = ANY ($1)) AS actor
    """,  # noqa: S608 - no caller's text is in it
)


async def names_of(database: Database, actors: Collection[str] | None = None) -> Mapping[str, str]:
    """Return the name of the newest key by principal: of those among `actors`, or of all. Raises StoreUnavailable."""
    if actors is not None and not actors:
        return {}
    wanted = None if actors is None else list(actors)
    return {row["principal"]: row["name"] for row in await database.fetch(NAMES, wanted)}


async def name_of(database: Database, actor: str | None) -> str:
    """Return the name of the newest key of a principal, any other actor as it is, and `another request` for None.
    Raises StoreUnavailable."""
    if actor is None:
        return "another request"
    return (await names_of(database, [actor])).get(actor, actor)
