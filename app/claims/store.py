"""The store of claims: one row per name, taken over once it has expired."""

from typing import Any

from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from canonical.parts import Instant

TAKE = Statement(
    "INSERT claim",
    """
    INSERT INTO claim (name, id, principal, request_key, correlation_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
        ON CONFLICT (name) DO UPDATE
       SET id = excluded.id, principal = excluded.principal, request_key = excluded.request_key,
           correlation_id = excluded.correlation_id, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
     WHERE claim.expires_at <= now()
    RETURNING id, name, correlation_id, claimed_at, expires_at
    """,
)
# In a statement of its own: it sees a claim that was committed while TAKE waited for it.
SELECT = Statement(
    "SELECT claim",
    """
    SELECT id, name, correlation_id, claimed_at, expires_at, principal = $2 AND request_key = $3 AS is_own
      FROM claim
     WHERE name = $1 AND expires_at > now()
    """,
)
RELEASE = Statement("DELETE claim", "DELETE FROM claim WHERE id = $1 AND principal = $2 AND expires_at > now()")


class ClaimView(Struct, frozen=True, kw_only=True):
    """A name that one run has for a time."""

    id: str
    """Id of the claim, to release it. Example: `"clm_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    name: str
    """What is claimed. Example: `"order-4711-refund-mail"`"""
    correlation_id: str
    """The run that has it. Example: `"orders-4711-1767225600000"`"""
    claimed_at: Instant
    """When it was taken."""
    expires_at: Instant
    """When it ends, unless it is released before."""


class Taken(Struct, frozen=True, kw_only=True):
    """The live claim of a name, and whether it is the caller's: `is_new` now, or `is_own` by an earlier request with
    the same key."""

    claim: ClaimView
    is_new: bool = False
    is_own: bool = False


class PostgresClaims:
    """Claims. Of any number of callers at once, PostgreSQL lets one take a name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, seconds: int, *, principal: str, request_key: str | None) -> Taken:
        """Take the name for so many seconds, if it is free. Raises StoreUnavailable."""
        run = telemetry.correlation_id.get()
        while True:
            async with self._database.transaction() as transaction:
                values = (name, new_id("clm_"), principal, request_key, run, float(seconds))
                row = await transaction.fetch_row(TAKE, *values)
                if row is not None:
                    claim = _claim(row)
                    await append(transaction, Entry(type="claim.taken", subject=claim.id, facts={"seconds": seconds}))
                    return Taken(claim=claim, is_new=True)
            row = await self._database.fetch_row(SELECT, name, principal, request_key)
            if row is not None:  # else it has ended since
                return Taken(claim=_claim(row), is_own=row["is_own"] is True)

    async def release(self, claim_id: str, *, principal: str) -> None:
        """End a claim of this principal, if it has not ended. Raises StoreUnavailable."""
        async with self._database.transaction() as transaction:
            if await transaction.execute(RELEASE, claim_id, principal):
                await append(transaction, Entry(type="claim.released", subject=claim_id))


def _claim(row: Any) -> ClaimView:
    return ClaimView(**{name: row[name] for name in ClaimView.__struct_fields__})
