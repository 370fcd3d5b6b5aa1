"""The products of order lines: their metadata has the SKU. One request reads up to 100 of them."""

from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.spec import decode
from mappings.stripe.field_values import id_of
from mappings.stripe.metadata import SKU
from mappings.stripe.requests import MOST
from mappings.stripe.wire_2026_10_28 import Account, InvoiceLine, InvoiceLines, SessionLine, SessionLines

PRODUCTS: Final = "/v1/products"


class _Lines(Struct, frozen=True, kw_only=True):
    """An order: an invoice has `lines`, a checkout `line_items`."""

    lines: InvoiceLines = InvoiceLines()
    line_items: SessionLines | None = None


class _Product(Struct, frozen=True, kw_only=True):
    id: str
    metadata: dict[str, str] | None = None


class _Products(Struct, frozen=True, kw_only=True):
    data: tuple[_Product, ...]


def product_of(line: InvoiceLine | SessionLine) -> str | None:
    """Return the id of the product of a line."""
    if isinstance(line, InvoiceLine) and line.pricing is not None:
        return None if line.pricing.price_details is None else line.pricing.price_details.product
    price = line.price if isinstance(line, SessionLine) else line.price or line.plan
    return None if price is None else id_of(price.product)


def side_load(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Build the request for the next products of these orders. None if no line lacks its SKU."""
    wanted: dict[str, None] = {}
    for record in records:
        order = decode(record, _Lines)
        lines: list[InvoiceLine | SessionLine] = [*order.lines.data]
        lines += () if order.line_items is None else order.line_items.data
        for line in lines:
            product = None if SKU in (line.metadata or {}) else product_of(line)
            if product is not None:
                wanted[product] = None
    asked = tuple(wanted)[account.product_pages * MOST :][:MOST]
    if not asked:
        return None
    query = (("limit", str(MOST)), *(("ids[]", one) for one in asked))
    return VendorRequest(method="GET", path=PRODUCTS, route=PRODUCTS, query=query)


def absorb(reply: VendorReply, account: Account) -> Account:
    """Return the account with the SKUs of such a reply. Raises VendorDrift for another shape."""
    skus = {one.id: sku for one in decode(reply.body, _Products).data if (sku := (one.metadata or {}).get(SKU))}
    return replace(account, skus=account.skus | skus, product_pages=account.product_pages + 1)
