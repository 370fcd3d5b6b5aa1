"""Stock levels in PostgreSQL. They are written only in the transaction that ends the job of their page, so a pull that
is repeated, or that two workers run, finds each fall once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from app.http.paging import Page
from app.postgres.database import Database, Statement, Transaction, arrays_of
from mappings.stock import StockLevel

KNOWN = Statement(
    "SELECT stock_level",
    "SELECT remote_id, available, threshold FROM stock_level WHERE connection = $1 AND remote_id = ANY ($2::text[])",
)

KEEP = Statement(
    "INSERT stock_level",
    """
    INSERT INTO stock_level AS old
           (connection, remote_id, sku, name, location, available, threshold, updated_at, read_at)
    SELECT $1, new.*, $9
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::timestamptz[]) AS new
        ON CONFLICT (connection, remote_id) DO UPDATE
       SET sku = excluded.sku, name = excluded.name, location = excluded.location, available = excluded.available,
           threshold = excluded.threshold, updated_at = excluded.updated_at, read_at = excluded.read_at
    """,
)

# A list by offset skips an item if one before it is deleted meanwhile: the next run has it.
FORGET = Statement(
    "DELETE stock_level",
    """
    DELETE FROM stock_level
     USING watermark AS mark
     WHERE stock_level.connection = $1 AND mark.connection = $1 AND mark.object = 'stock_level'
       AND read_at < mark.started_at
    """,
)

COLUMNS: Final = "connection, remote_id, sku, name, location, available, threshold, updated_at, read_at AS as_of"


class StockLevelView(Struct, frozen=True, kw_only=True):
    """How many of an item can be sold at a location, as it was last read."""

    connection: str
    """The connection. Example: `"shopify"`"""
    remote_id: str
    """The vendor's id of the item, with `@` and that of the location at vendors with several. It is unique in the
    connection. Example: `"43729076@655441491"`"""
    sku: str | None
    """The item's SKU; null if it has none. Example: `"SHIRT-M"`"""
    name: str | None
    """The item's name; null if the vendor shows none. Example: `"T-shirt - M"`"""
    location: str
    """The name of the location. A WooCommerce shop has one: `store`. Example: `"Warehouse"`"""
    available: int
    """Pieces that can be sold. Negative if more were sold than there were. Example: `4`"""
    threshold: int | None
    """At this many available pieces and below, the item is low; null if neither the vendor nor the connection has a
    threshold. Example: `5`"""
    updated_at: datetime | None
    """The vendor's time of the last change; null if it does not say. Example: `"2026-05-01T09:29:58Z"`"""
    as_of: datetime
    """When Lockstitch asked for it. Example: `"2026-05-01T09:30:00Z"`"""


class StockList(Page, frozen=True, kw_only=True):
    """A page of stock levels, and how old the list is."""

    data: Sequence[StockLevelView]
    """May hold fewer than `limit` while `has_more` is true."""
    next_cursor: str | None
    """Send it as `cursor` to get the next page; null on the last one. Example: `null`"""
    has_more: bool
    """Whether there are more pages. Example: `false`"""
    as_of: datetime | None
    """All changes up to this time are in the list: the start of the last completed pull, of several connections the
    earliest one. Null until each has completed one. Example: `"2026-05-01T09:30:00Z"`"""


class KeptLevels(Struct, frozen=True, kw_only=True):
    """The levels of a page after they were kept: how many are new or have another number, and those that became
    low."""

    changed: int
    low: Sequence[StockLevel]


def _listing(condition: str = "") -> Statement:
    return Statement(
        "SELECT stock_level",
        f"""
        SELECT {COLUMNS}
          FROM stock_level
         WHERE connection = ANY ($1::text[]) AND (connection, remote_id) > ($2, $3)
           AND (NOT $4 OR available <= threshold) {condition}
         ORDER BY connection, remote_id
         LIMIT $5
        """,  # noqa: S608 - no caller's text is in it
    )


LIST = _listing()
LIST_OF_SKU = _listing("AND sku = $6")

# NULL if a connection has completed no pull.
AS_OF = Statement(
    "SELECT watermark",
    """
    SELECT CASE WHEN bool_and(started_at IS NOT NULL) THEN min(started_at) END
      FROM unnest($1::text[]) AS wanted (connection)
      LEFT JOIN watermark AS mark ON mark.connection = wanted.connection AND object = 'stock_level'
    """,
)


def is_low(level: StockLevel) -> bool:
    """Return whether an item is at or below its threshold."""
    return level.threshold is not None and level.available <= level.threshold


class PostgresStock:
    """The store of stock levels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self, transaction: Transaction, connection: str, levels: Sequence[StockLevel], read_at: datetime
    ) -> KeptLevels:
        """Keep levels as they were read. An item becomes low if its level before was above the threshold of then."""
        by_id = {one.remote_id: one for one in levels}
        rows = await transaction.fetch(KNOWN, connection, list(by_id))
        known = {row["remote_id"]: row for row in rows}
        new = [
            (one.remote_id, one.sku, one.name, one.location, one.available, one.threshold, one.updated_at)
            for one in by_id.values()
        ]
        await transaction.execute(KEEP, connection, *arrays_of(new, 7), read_at)
        changed = sum(
            one.remote_id not in known or known[one.remote_id]["available"] != one.available for one in by_id.values()
        )
        above = {
            remote_id
            for remote_id, before in known.items()
            if before["threshold"] is not None and before["available"] > before["threshold"]
        }
        fell = [one for one in by_id.values() if one.remote_id in above and is_low(one)]
        return KeptLevels(changed=changed, low=fell)

    async def forget(self, transaction: Transaction, connection: str) -> None:
        """Delete the levels that neither the run that now ends nor the one before has listed."""
        await transaction.execute(FORGET, connection)

    async def list(
        self, connections: Sequence[str], *, sku: str | None, low: bool, after: tuple[str, str], limit: int
    ) -> list[StockLevelView]:
        """Return levels of these connections after a connection and an id. Raises StoreUnavailable."""
        values = (list(connections), *after, low, limit)
        rows = await (
            self._database.fetch(LIST, *values) if sku is None else self._database.fetch(LIST_OF_SKU, *values, sku)
        )
        return msgspec.convert([dict(row) for row in rows], list[StockLevelView])

    async def as_of(self, connections: Sequence[str]) -> datetime | None:
        """Return when the oldest of the last completed pulls started. Raises StoreUnavailable."""
        as_of: datetime | None = await self._database.fetch_value(AS_OF, list(connections))
        return as_of
