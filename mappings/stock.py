"""Stock levels: how a vendor is asked how many of an item are available at a location, and how its answers are read.

Everything here is pure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor

from msgspec import Raw, Struct

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Unmappable


class StockLevel(Struct, frozen=True, kw_only=True):
    """How many of an item can be sold at a location; negative if more were sold than there were.

    `remote_id` is unique in the account: the vendor's id of the item, and after a `@` that of the location, at vendors
    with several. `threshold` is the vendor's own setting for this item, `updated_at` its time of the last change.
    """

    remote_id: str
    sku: str | None
    name: str | None
    location: str
    available: int
    threshold: int | None = None
    updated_at: datetime | None = None


class StockPage(Struct, frozen=True, kw_only=True):
    """One page of stock levels, and the cursor of the next page. `unreadable` counts the items that do not fit."""

    levels: tuple[StockLevel, ...]
    unreadable: int
    next: str | None


@dataclass(frozen=True, kw_only=True)
class StockReads:
    """The requests for all stock levels of an account. `request(after, limit)` builds the one for a page, and
    `page(reply, after, limit)` reads it. Items whose stock the vendor does not count are in no page. `scopes` are those
    that tokens need."""

    request: Callable[[str | None, int], VendorRequest]
    page: Callable[[VendorReply, str | None, int], StockPage]
    max_limit: int = 100
    scopes: tuple[str, ...] = ()


def page_of(records: Sequence[Raw], read: Callable[[Raw], Iterable[StockLevel]], *, next: str | None) -> StockPage:
    """Return a page of the levels that `read` finds in each record; it raises Unmappable for one that does not fit.

    Raises the first one if no record fits: then all of them have another shape.
    """
    levels: list[StockLevel] = []
    faults: list[Unmappable] = []
    for record in records:
        try:
            levels.extend(read(record))
        except Unmappable as fault:
            faults.append(fault)
    if faults and len(faults) == len(records):
        raise faults[0]
    return StockPage(levels=tuple(levels), unreadable=len(faults), next=next)


def whole(quantity: float) -> int:
    """Return the whole pieces of a quantity: shops that sell by weight count fractions."""
    return floor(quantity)
