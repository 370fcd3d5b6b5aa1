"""Stock levels: published products and variations that manage their own stock.

A page of products is followed by the pages of the variations of each variable product in it, because only these show
their stock. A variation whose parent manages the stock of all is left out: the parent has the number. The cursor names
the page of products, the variable products that are left, and the page of variations of the first one.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get
from mappings.spec import decode, decode_loosely
from mappings.stock import StockLevel, StockPage, StockReads, page_of, whole
from mappings.woocommerce.requests import API, MAX_PER_PAGE

STORE: Final = "store"
"""The location of all stock: WooCommerce has one."""
FIELDS: Final = "id,name,sku,type,manage_stock,stock_quantity,low_stock_amount,date_modified_gmt"


class _Cursor(Struct, frozen=True, kw_only=True):
    """`page` of the products; after the first one, `parents` are those whose variations are read, `variations` the page
    of the first one's. `has_more` products follow this page."""

    page: int = 1
    parents: tuple[int, ...] = ()
    variations: int = 1
    has_more: bool = True


class _Kind(Struct, frozen=True, kw_only=True):
    id: int
    type: str = ""


class _Product(_Kind, frozen=True, kw_only=True):
    """A product or variation. `manage_stock` of a variation is also `parent`. `low_stock_amount` is null if the shop's
    setting counts."""

    manage_stock: Any
    stock_quantity: float | None = None
    low_stock_amount: float | None = None
    name: str | None = None
    sku: str | None = None
    date_modified_gmt: datetime | None = None


def request(after: str | None, limit: int) -> VendorRequest:
    """Build the request for a page."""
    cursor = _cursor(after)
    query = (("orderby", "id"), ("order", "asc"), ("status", "publish"), ("per_page", str(limit)), ("_fields", FIELDS))
    path = f"{API}/products"
    if not cursor.parents:
        return get(path, *query, ("page", str(cursor.page)))
    one = f"{path}/{cursor.parents[0]}/variations"
    return get(one, *query, ("page", str(cursor.variations)), route=f"{path}/{{id}}/variations")


def page(reply: VendorReply, after: str | None, limit: int) -> StockPage:
    """Return the levels of an answer. Raises VendorDrift if it is no array."""
    cursor, records = _cursor(after), decode(reply.body, tuple[Raw, ...])
    return page_of(records, _read, next=_following(cursor, records, is_full=len(records) >= limit))


def _following(cursor: _Cursor, records: tuple[Raw, ...], *, is_full: bool) -> str | None:
    if not cursor.parents:
        kinds = [decode_loosely(record, _Kind) for record in records]
        parents = tuple(one.id for one in kinds if one.type.startswith("variable"))
        following = _Cursor(page=cursor.page + 1, parents=parents, has_more=is_full)
    elif is_full:
        following = msgspec.structs.replace(cursor, variations=cursor.variations + 1)
    else:
        following = msgspec.structs.replace(cursor, parents=cursor.parents[1:], variations=1)
    is_end = not following.parents and not following.has_more
    return None if is_end else msgspec.json.encode(following).decode()


def _cursor(after: str | None) -> _Cursor:
    return _Cursor() if after is None else msgspec.json.decode(after, type=_Cursor)


def _read(record: Raw) -> Iterator[StockLevel]:
    product = decode_loosely(record, _Product)
    if product.manage_stock not in (True, "yes", "1", 1) or product.stock_quantity is None:
        return
    low = product.low_stock_amount
    yield StockLevel(
        remote_id=str(product.id),
        sku=product.sku or None,
        name=product.name or None,
        location=STORE,
        available=whole(product.stock_quantity),
        threshold=None if low is None else whole(low),
        updated_at=None if product.date_modified_gmt is None else values.utc(product.date_modified_gmt),
    )


STOCK: Final = StockReads(request=request, page=page, max_limit=MAX_PER_PAGE)
