"""The Structs of stock levels."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from app.http.paging import Page
from mappings.stock import StockLevel


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
