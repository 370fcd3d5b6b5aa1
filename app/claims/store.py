"""The store of claims: one row per name, taken over once it has expired."""

from typing import Any

from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from canonical.parts import Instant

# In one statement: a claim that ends meanwhile is taken anew, or is another's. Only a live one keeps its identity.
TAKE = Statement(
    "INSERT claim",
    """
    INSERT INTO claim (name, id, principal, request_key, correlation_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
        ON CONFLICT (name) DO UPDATE
       SET id = CASE WHEN claim.expires_at > now() THEN claim.id ELSE excluded.id END,
           correlation_id = CASE WHEN claim.expires_at > now() THEN claim.correlation_id
                                 ELSE excluded.correlation_id END,
           claimed_at = CASE WHEN claim.expires_at > now() THEN claim.claimed_at ELSE excluded.claimed_at END,
           principal = excluded.principal, request_key = excluded.request_key, expires_at = excluded.expires_at
     WHERE claim.expires_at <= now()
        OR (claim.principal = excluded.principal AND claim.request_key = excluded.request_key)
    RETURNING id, name, correlation_id, claimed_at, expires_at, id = $2 AS is_new
    """,
)
# In a statement of its own: it sees a claim that was committed while TAKE waited for it.
SELECT = Statement(
    "SELECT claim",
    """
    SELECT id, name, correlation_id, claimed_at, expires_at
      FROM claim
     WHERE name = $1 AND expires_at > now() AND (principal = $2 AND request_key = $3) IS NOT TRUE
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
    """The live claim of a name. `is_own`: the caller has it, from now on (`is_new`) or renewed by the same key."""

    claim: ClaimView
    is_new: bool = False
    is_own: bool = False


class PostgresClaims:
    """Claims. Of any number of callers at once, PostgreSQL lets one take a name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, seconds: int, *, principal: str, request_key: str | None) -> Taken:
        """Take the name for so many seconds from now if it is free, or if the same principal took it by the same key.
        Raises StoreUnavailable."""
        run = telemetry.correlation_id.get()
        while True:
            async with self._database.transaction() as transaction:
                values = (name, new_id("clm_"), principal, request_key, run, float(seconds))
                row = await transaction.fetch_row(TAKE, *values)
                if row is not None:
                    claim, is_new = _claim(row), row["is_new"]
                    change = "claim.taken" if is_new else "claim.renewed"
                    await append(transaction, Entry(type=change, subject=claim.id, facts={"seconds": seconds}))
                    return Taken(claim=claim, is_new=is_new, is_own=True)
            row = await self._database.fetch_row(SELECT, name, principal, request_key)
            if row is not None:  # otherwise it has ended since
                return Taken(claim=_claim(row))

    async def release(self, claim_id: str, *, principal: str) -> None:
        """End a claim of this principal, if it has not ended. Raises StoreUnavailable."""
        async with self._database.transaction() as transaction:
            if await transaction.execute(RELEASE, claim_id, principal):
                await append(transaction, Entry(type="claim.released", subject=claim_id))


def _claim(row: Any) -> ClaimView:
    return ClaimView(**{name: row[name] for name in ClaimView.__struct_fields__})
