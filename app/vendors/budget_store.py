"""The budgets of vendor accounts in PostgreSQL, which all processes share."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from app.postgres.database import Database, Statement
from app.vendors.budget_ring import Ring

T = TypeVar("T")

# A lease need not survive a crash of PostgreSQL, which takes longer to start than the disk is behind.
LOCK = Statement(
    "SELECT vendor_budget",
    """
    SELECT ring, extract(epoch FROM clock_timestamp())::float8 AS at, set_config('synchronous_commit', 'off', true)
      FROM vendor_budget
     WHERE account = $1 AND bucket = $2
       FOR NO KEY UPDATE
    """,
)

CREATE = Statement(
    "INSERT vendor_budget", "INSERT INTO vendor_budget (account, bucket) VALUES ($1, $2) ON CONFLICT DO NOTHING"
)

WRITE = Statement(
    "UPDATE vendor_budget",
    "UPDATE vendor_budget SET ring = $3, updated_at = now() WHERE account = $1 AND bucket = $2",
)

SELECT = Statement(
    "SELECT vendor_budget",
    """
    SELECT account, bucket, ring, extract(epoch FROM clock_timestamp())::float8 AS at
      FROM vendor_budget
     WHERE account = ANY ($1::text[]) AND ring <> ''
    """,
)

_rings = msgspec.msgpack.Decoder(Ring)


class BudgetRow(Struct, frozen=True, kw_only=True):
    """A budget, and the time of the database at which it was read."""

    account: str
    bucket: str
    ring: Ring
    at: float


class PostgresBudgets:
    """Reads and changes budgets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, account: str, bucket: str, new: Ring, edit: Callable[[Ring, float], T]) -> tuple[Ring, T]:
        """Edit a ring at the time of the database, `new` if there is none, while no other process does. Return it and
        what `edit` returns. Raises StoreUnavailable."""
        async with self._database.transaction() as session:
            row = await session.fetch_row(LOCK, account, bucket)
            if row is None:
                await session.execute(CREATE, account, bucket)
                row = await session.fetch_row(LOCK, account, bucket)
            assert row is not None  # noqa: S101 - rows are only deleted with their database
            ring = _rings.decode(row["ring"]) if row["ring"] else new
            result = edit(ring, row["at"])
            await session.execute(WRITE, account, bucket, msgspec.msgpack.encode(ring))
        return ring, result

    async def read(self, accounts: Sequence[str]) -> list[BudgetRow]:
        """Return the budgets of these accounts. Raises StoreUnavailable."""
        return [
            BudgetRow(account=row["account"], bucket=row["bucket"], ring=_rings.decode(row["ring"]), at=row["at"])
            for row in await self._database.fetch(SELECT, list(accounts))
        ]
