"""Sessions of the console. All processes share them; only the SHA-256 of each is stored."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from app.api_keys.statements import VALID, names_of
from app.audit import record
from app.http.callers import Caller
from app.postgres.database import Database, Statement

LIFETIME: Final = timedelta(hours=12)

# A key that has ended since it was found has no session.
OPEN = Statement(
    "INSERT console_session",
    f"""
    INSERT INTO console_session (digest, api_key, expires_at)
    SELECT $1, id, now() + $3::interval
      FROM api_key
     WHERE id = $2 AND {VALID}
    """,  # noqa: S608 - no caller's text is in it
)

SELECT = Statement(
    "SELECT console_session",
    f"""
    SELECT id AS key, principal, name, scopes, least(key.expires_at, session.expires_at) AS expires_at, needs_approval
      FROM console_session AS session
      JOIN (SELECT * FROM api_key WHERE {VALID}) AS key ON key.id = session.api_key
     WHERE session.digest = $1 AND session.expires_at > now()
    """,  # noqa: S608 - no caller's text is in it
)

CLOSE = Statement("DELETE console_session", "DELETE FROM console_session WHERE digest = $1 OR expires_at < now()")


class PostgresSessions:
    """The store of sessions, and of who may have them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, caller: Caller, *, replaces: str) -> str:
        """Return the secret of a new session of this key, and end the one of the secret `replaces`. Audited. Also
        removes expired ones. Raises StoreUnavailable."""
        secret = secrets.token_urlsafe(32)
        entry = record.Entry(type="console.signed_in", subject=caller.key, actor=caller.principal, correlation_id=None)
        async with self._database.transaction() as session:
            await session.execute(CLOSE, _digest_of(replaces))
            await session.execute(OPEN, _digest_of(secret), caller.key, LIFETIME)
            await record.append(session, entry)
        return secret

    async def find(self, secret: str) -> Caller | None:
        """Return the key of a session, None if the session or the key has ended. Raises StoreUnavailable."""
        row = await self._database.fetch_row(SELECT, _digest_of(secret))
        return None if row is None else Caller(**{**row, "scopes": frozenset(row["scopes"])})

    async def names(self) -> Mapping[str, str]:
        """Return the name of each principal's newest key. Raises StoreUnavailable."""
        return await names_of(self._database)

    async def close(self, secret: str) -> None:
        """End a session. Raises StoreUnavailable."""
        await self._database.execute(CLOSE, _digest_of(secret))


def _digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
