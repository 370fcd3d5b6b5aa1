"""The store of claims: one row per name, taken over once it has expired."""

from typing import Any

from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from canonical.parts import Instant

# Another run's claim is only read: runs that want one name at the same time do not queue for its row.
# One that ends meanwhile is taken anew. Only a live one keeps its identity.
TAKE = Statement(
    "INSERT claim",
    """
    WITH other AS (
        SELECT id, name, correlation_id, claimed_at, expires_at
          FROM claim
         WHERE name = $1 AND expires_at > now() AND (principal = $3 AND request_key = $4) IS NOT TRUE
    ), own AS (
        INSERT INTO claim (name, id, principal, request_key, correlation_id, expires_at)
        SELECT $1, $2, $3, $4, $5, now() + make_interval(secs => $6)
         WHERE NOT EXISTS (SELECT FROM other)
            ON CONFLICT (name) DO UPDATE
           SET id = CASE WHEN claim.expires_at > now() THEN claim.id ELSE excluded.id END,
               correlation_id = CASE WHEN claim.expires_at > now() THEN claim.correlation_id
                                     ELSE excluded.correlation_id END,
               claimed_at = CASE WHEN claim.expires_at > now() THEN claim.claimed_at ELSE excluded.claimed_at END,
               principal = excluded.principal, request_key = excluded.request_key, expires_at = excluded.expires_at
         WHERE claim.expires_at <= now()
            OR (claim.principal = excluded.principal AND claim.request_key = excluded.request_key)
        RETURNING id, name, correlation_id, claimed_at, expires_at
    )
    SELECT *, true AS is_own, id = $2 AS is_new FROM own
     UNION ALL
    SELECT *, false, false FROM other
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
        row = None
        while row is None:  # none: another run took it during the statement, and the next one sees its claim
            async with self._database.transaction() as transaction:
                values = (name, new_id("clm_"), principal, request_key, run, float(seconds))
                row = await transaction.fetch_row(TAKE, *values)
                if row is not None and row["is_own"]:
                    change = "claim.taken" if row["is_new"] else "claim.renewed"
                    await append(transaction, Entry(type=change, subject=row["id"], facts={"seconds": seconds}))
        return Taken(claim=_claim(row), is_new=row["is_new"], is_own=row["is_own"])

    async def release(self, claim_id: str, *, principal: str) -> None:
        """End a claim of this principal, if it has not ended. Raises StoreUnavailable."""
        async with self._database.transaction() as transaction:
            if await transaction.execute(RELEASE, claim_id, principal):
                await append(transaction, Entry(type="claim.released", subject=claim_id))


def _claim(row: Any) -> ClaimView:
    return ClaimView(**{name: row[name] for name in ClaimView.__struct_fields__})
