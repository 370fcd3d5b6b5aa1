"""Stock levels: what is stocked of each inventory item at each location, less what is reserved for orders.

Items of variants that do not manage their inventory do not exist.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get, wrapped
from mappings.medusa.paging import count
from mappings.spec import decode
from mappings.stock import StockLevel, StockPage, StockReads, page_of, whole

PATH: Final = "/admin/inventory-items"
LEVELS: Final = "location_levels"
FIELDS: Final = ",".join(
    (
        *("id", "sku", "title", f"{LEVELS}.id", f"{LEVELS}.location_id", f"{LEVELS}.updated_at"),
        *(f"{LEVELS}.stocked_quantity", f"{LEVELS}.reserved_quantity", f"{LEVELS}.stock_locations.name"),
    )
)
_records: Final = wrapped(None, "inventory_items")


class _Location(Struct, frozen=True, kw_only=True):
    name: str


class _Level(Struct, frozen=True, kw_only=True):
    location_id: str
    stocked_quantity: float
    reserved_quantity: float
    updated_at: datetime | None = None
    stock_locations: tuple[_Location | None, ...] = ()


class _Item(Struct, frozen=True, kw_only=True):
    id: str
    sku: str | None
    title: str | None
    location_levels: tuple[_Level | None, ...]


def request(after: str | None, limit: int) -> VendorRequest:
    """Build the request for a page. A cursor is the number of items before it."""
    return get(PATH, ("fields", FIELDS), ("order", "id"), ("limit", str(limit)), ("offset", str(int(after or 0))))


def page(reply: VendorReply, after: str | None, limit: int) -> StockPage:
    """Return the levels of an answer. Raises VendorDrift if it has another shape."""
    records, total = _records(reply), count(reply)
    read = int(after or 0) + len(records)
    is_end = not records or (total is not None and read >= total)
    return page_of(records, _read, next=None if is_end else str(read))


def _read(record: Raw) -> Iterator[StockLevel]:
    item = decode(record, _Item)
    for level in item.location_levels:
        if level is not None:
            yield StockLevel(
                remote_id=f"{item.id}@{level.location_id}",
                sku=item.sku or None,
                name=item.title or None,
                location=next((one.name for one in level.stock_locations if one is not None), level.location_id),
                available=whole(level.stocked_quantity - level.reserved_quantity),
                updated_at=None if level.updated_at is None else values.utc(level.updated_at),
            )


STOCK: Final = StockReads(request=request, page=page, max_limit=200)
