"""Stock levels: the quantity `available` of each tracked item at each active location.

One query reads a page of one location. A cursor names the location before it, and the last level that was read.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.kit.graphql import NULL, NodePage, PageInfo, ask, data_of, selection
from mappings.shopify.requests import call, page_cost, tail
from mappings.spec import decode
from mappings.stock import StockLevel, StockPage, StockReads, page_of

LEVEL_COST: Final = 6
"""Points of a level: itself, its item, its quantity, and the connection to its variant."""
MAX_LIMIT: Final = 100


class _Quantity(Struct, frozen=True, kw_only=True):
    quantity: int


class _Variant(Struct, frozen=True, kw_only=True, rename="camel"):
    display_name: str


class _Variants(Struct, frozen=True, kw_only=True):
    nodes: tuple[_Variant, ...]


class _Item(Struct, frozen=True, kw_only=True):
    id: str
    sku: str | None
    tracked: bool
    variants: Annotated[_Variants, ask("variants(first: 1)")]


class _Level(Struct, frozen=True, kw_only=True, rename="camel"):
    updated_at: datetime
    item: _Item
    quantities: Annotated[tuple[_Quantity, ...], ask('quantities(names: ["available"])')]


class _Location(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    name: str
    inventory_levels: NodePage


class _Locations(Struct, frozen=True, kw_only=True, rename="camel"):
    nodes: tuple[_Location, ...]
    page_info: PageInfo


class _Window(Struct, frozen=True, kw_only=True):
    first: int
    place: str | None = None
    after: str | None = None


STOCK_LEVELS: Final = f"""
query stockLevels($first: Int!, $place: String, $after: String) {{
  locations(first: 1, after: $place) {{
    nodes {{
      id name
      inventoryLevels(first: $first, after: $after) {{ nodes {selection(_Level)} pageInfo {selection(PageInfo)} }}
    }}
    pageInfo {selection(PageInfo)}
  }}
}}
"""


def request(after: str | None, limit: int) -> VendorRequest:
    """Build the request for a page."""
    place, level = _places(after)
    window = _Window(first=limit, place=place, after=level)
    return call(STOCK_LEVELS, "stockLevels", window, cost=page_cost(limit, LEVEL_COST))


def page(reply: VendorReply, after: str | None, limit: int) -> StockPage:
    """Return the levels of an answer. Raises VendorDrift if it has another shape."""
    locations = decode(data_of(reply).get("locations", NULL), _Locations)
    if not locations.nodes:
        return page_of((), lambda record: (), next=None)
    location = locations.nodes[0]
    levels = location.inventory_levels
    following = None
    if levels.page_info.has_next_page:
        following = (_places(after)[0], levels.page_info.end_cursor)
    elif locations.page_info.has_next_page:
        following = (locations.page_info.end_cursor, None)
    next_cursor = None if following is None else msgspec.json.encode(following).decode()
    return page_of(levels.nodes, lambda record: _read(record, location), next=next_cursor)


def _places(after: str | None) -> tuple[str | None, str | None]:
    """Return the cursors of the location before and of the last level."""
    return (None, None) if after is None else msgspec.json.decode(after, type=tuple[str | None, str | None])


def _read(record: Raw, location: _Location) -> Iterator[StockLevel]:
    level = decode(record, _Level)
    if level.item.tracked and level.quantities:
        yield StockLevel(
            remote_id=f"{tail(level.item.id)}@{tail(location.id)}",
            sku=level.item.sku or None,
            name=next((one.display_name for one in level.item.variants.nodes), None),
            location=location.name,
            available=level.quantities[0].quantity,
            updated_at=values.utc(level.updated_at),
        )


STOCK: Final = StockReads(
    request=request, page=page, max_limit=MAX_LIMIT, scopes=("read_inventory", "read_locations", "read_products")
)
