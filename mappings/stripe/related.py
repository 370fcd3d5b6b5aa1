"""What belongs to orders and is read after them: the lines after the first ten, and the products of the lines.

The metadata of a product has the SKU. One request reads up to 100 lines of an order, or 100 products.
"""

import re
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.spec import decode
from mappings.stripe.field_values import id_of
from mappings.stripe.metadata import SKU
from mappings.stripe.requests import MOST
from mappings.stripe.wire_2026_10_28 import (
    Account,
    CheckoutSession,
    Invoice,
    InvoiceLine,
    InvoiceLines,
    SessionLine,
    SessionLines,
)

PRODUCTS: Final = "/v1/products"
LINES_OF: Final = re.compile(r"/v1/(?:invoices/([^/]+)/lines|checkout/sessions/([^/]+)/line_items)")
Line = InvoiceLine | SessionLine


class _Order(Struct, frozen=True, kw_only=True):
    """An order: an invoice has `lines`, a checkout `line_items`."""

    id: str = ""
    lines: InvoiceLines = InvoiceLines()
    line_items: SessionLines | None = None

    @property
    def listed(self) -> InvoiceLines | SessionLines:
        return self.lines if self.line_items is None else self.line_items


class _Id(Struct, frozen=True, kw_only=True):
    id: str


class _Reply(Struct, frozen=True, kw_only=True):
    """A list of lines or products, with the path that it was read from."""

    data: tuple[Raw, ...]
    url: str = ""
    has_more: bool = False


class _Product(Struct, frozen=True, kw_only=True):
    id: str
    metadata: dict[str, str] | None = None


def with_all_lines(record: Invoice, account: Account) -> Invoice:
    """Return an invoice with the lines that were read after it."""
    more = tuple(decode(one, InvoiceLine) for one in account.more_lines.get(record.id, ()))
    if not more:
        return record
    lines = InvoiceLines(data=record.lines.data + more, has_more=record.id not in account.complete)
    return replace(record, lines=lines)


def with_all_items(record: CheckoutSession, account: Account) -> CheckoutSession:
    """Return a checkout with the lines that were read after it."""
    more = tuple(decode(one, SessionLine) for one in account.more_lines.get(record.id, ()))
    if not more or record.line_items is None:
        return record
    lines = SessionLines(data=record.line_items.data + more, has_more=record.id not in account.complete)
    return replace(record, line_items=lines)


def has_all_lines(record: Raw) -> bool:
    """Return whether an answer about an order has all its lines."""
    return not decode(record, _Order).listed.has_more


def product_of(line: Line) -> str | None:
    """Return the id of the product of a line."""
    if isinstance(line, InvoiceLine) and line.pricing is not None:
        return None if line.pricing.price_details is None else line.pricing.price_details.product
    price = line.price if isinstance(line, SessionLine) else line.price or line.plan
    return None if price is None else id_of(price.product)


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Build the request for the next lines or products of these orders. None if no line and no SKU is missing."""
    orders = [decode(record, _Order) for record in records]
    for order in orders:
        if order.listed.has_more and order.listed.data and order.id not in account.complete:
            return _next_lines(order, account)
    return _next_products(orders, account)


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the lines or SKUs of such a reply. Raises VendorDrift for another shape."""
    page = decode(reply.body, _Reply)
    of_lines = LINES_OF.fullmatch(page.url)
    if of_lines is None:
        products = [decode(one, _Product) for one in page.data]
        skus = {one.id: sku for one in products if (sku := (one.metadata or {}).get(SKU))}
        return replace(account, skus=account.skus | skus, product_pages=account.product_pages + 1)
    id = of_lines[1] or of_lines[2]
    return replace(
        account,
        more_lines=account.more_lines | {id: (*account.more_lines.get(id, ()), *page.data)},
        complete=account.complete if page.has_more and page.data else account.complete | {id},
    )


def _next_lines(order: _Order, account: Account) -> VendorRequest:
    more = account.more_lines.get(order.id)
    last = decode(more[-1], _Id).id if more else order.listed.data[-1].id
    kind, lines = ("checkout/sessions", "line_items") if order.line_items is not None else ("invoices", "lines")
    query = (("limit", str(MOST)), ("starting_after", last))
    return VendorRequest(
        method="GET", path=f"/v1/{kind}/{order.id}/{lines}", route=f"/v1/{kind}/{{id}}/{lines}", query=query
    )


def _next_products(orders: list[_Order], account: Account) -> VendorRequest | None:
    wanted: dict[str, None] = {}
    for order in orders:
        kind: type[Line] = InvoiceLine if order.line_items is None else SessionLine
        lines: list[Line] = [*order.listed.data]
        lines += [decode(one, kind) for one in account.more_lines.get(order.id, ())]
        for line in lines:
            product = None if SKU in (line.metadata or {}) else product_of(line)
            if product is not None:
                wanted[product] = None
    batch = tuple(wanted)[account.product_pages * MOST :][:MOST]
    if not batch:
        return None
    query = (("limit", str(MOST)), *(("ids[]", one) for one in batch))
    return VendorRequest(method="GET", path=PRODUCTS, route=PRODUCTS, query=query)
