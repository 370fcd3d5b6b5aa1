"""Further reads for orders that one answer does not contain completely.

Shopify charges a query by what it could return, inner lists included. So a list requests short inner lists, an order
with more is read separately, and further lines are read page by page.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Raw, Struct

from mappings.http import VendorReply, VendorRequest
from mappings.kit.graphql import PageInfo, ask, data_of, selection
from mappings.shopify.requests import BRIEF, LINE_PRICE, WHOLE, call
from mappings.shopify.wire_2026_07 import Account, Completion, Count, LineItems, Order
from mappings.shopify.wire_variables_2026_07 import LinesAfter, Sizes
from mappings.spec import VendorDrift, decode

LINES_PER_PAGE: Final = 100
FURTHER_LINES: Final = 20
"""How many lines an order typically has beyond those of a full read."""


class _Inner(Struct, frozen=True, kw_only=True, rename="camel"):
    page_info: PageInfo


class _Refund(Struct, frozen=True, kw_only=True, rename="camel"):
    refund_line_items: _Inner


class _Parcel(Struct, frozen=True, kw_only=True, rename="camel"):
    fulfillment_line_items: _Inner


class _Shape(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members of an order that show whether its inner lists have more items."""

    id: str
    line_items: _Inner
    shipping_lines: _Inner
    discount_applications: _Inner
    transactions_count: Count | None
    transactions: tuple[Raw, ...]
    refunds: tuple[_Refund, ...]
    fulfillments_count: Count | None
    fulfillments: tuple[_Parcel, ...]


class _Head(Struct, frozen=True, kw_only=True, rename="camel"):
    line_items: _Inner


class _Lines(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    line_items: Annotated[LineItems, ask("lineItems(first: $lines, after: $after)")]


MORE_LINES: Final = (
    f"query orderLines($id: ID!, $after: String!, $lines: Int!) {{ order(id: $id) {selection(_Lines)} }}"
)


def listed(records: tuple[Raw, ...], account: Account) -> Account:
    """Return the account facts with the orders of a list that need a full read."""
    shapes = (decode(record, _Shape) for record in records)
    brief = {shape.id: Completion(brief=True) for shape in shapes if _has_more(shape, BRIEF)}
    return msgspec.structs.replace(account, orders={**account.orders, **brief}) if brief else account


def with_further_lines(record: Raw, account: Account) -> Account:
    """Return the account facts with the cursor of a full order's further lines."""
    shape = decode(record, _Shape)
    lines = shape.line_items.page_info
    if not lines.has_next_page or lines.end_cursor is None:
        return account
    return _with_completion(account, shape.id, Completion(lines_after=lines.end_cursor))


def has_further_lines(order: Raw) -> bool:
    """Return whether an order has more lines than this answer has."""
    return decode(order, _Head).line_items.page_info.has_next_page


def further_lines(order_id: str, after: str) -> VendorRequest:
    """Return the request for the next page of an order's lines."""
    further = LinesAfter(id=order_id, after=after, lines=LINES_PER_PAGE)
    return call(MORE_LINES, "orderLines", further, cost=FURTHER_LINES * LINE_PRICE / 2)


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account facts with the result of one further read.

    Raises VendorDrift if it is not an order.
    """
    raw = data_of(reply).get("order")
    if raw is None:
        raise VendorDrift("$.data.order", "the order is gone")
    part = decode(raw, _Lines)
    following = part.line_items.page_info.end_cursor if part.line_items.page_info.has_next_page else None
    known = account.orders.get(part.id, Completion(brief=True))
    if known.brief:
        return _with_completion(account, part.id, Completion(order=decode(raw, Order), lines_after=following))
    lines = (*known.lines, *part.line_items.nodes)
    return _with_completion(account, part.id, msgspec.structs.replace(known, lines=lines, lines_after=following))


def completed(order: Order, account: Account) -> tuple[Order, Sizes]:
    """Return the order completed by further reads, and the maximum lengths of its inner lists."""
    known = account.orders.get(order.id)
    if known is None:
        return order, WHOLE
    if known.brief:
        return order, BRIEF
    whole = known.order or order
    lines = LineItems(
        nodes=(*whole.line_items.nodes, *known.lines),
        page_info=PageInfo(has_next_page=known.lines_after is not None),
    )
    return msgspec.structs.replace(whole, line_items=lines), WHOLE


def beyond(count: Count | None, shown_: int) -> bool:
    """Return whether there are more than the answer has."""
    return count is not None and count.count > shown_


def _has_more(shape: _Shape, sizes: Sizes) -> bool:
    return (
        shape.line_items.page_info.has_next_page
        or shape.shipping_lines.page_info.has_next_page
        or shape.discount_applications.page_info.has_next_page
        or beyond(shape.transactions_count, len(shape.transactions))
        or beyond(shape.fulfillments_count, len(shape.fulfillments))
        or len(shape.refunds) >= sizes.events  # Shopify counts no refunds
        or any(refund.refund_line_items.page_info.has_next_page for refund in shape.refunds)
        or any(parcel.fulfillment_line_items.page_info.has_next_page for parcel in shape.fulfillments)
    )


def _with_completion(account: Account, order_id: str, completion: Completion) -> Account:
    return msgspec.structs.replace(account, orders={**account.orders, order_id: completion})
