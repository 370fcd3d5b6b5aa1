"""Lines of an order: a call adds, changes and removes them line by line.

A line with an id is changed. One without is added, also by an update. One whose product, title or code is null is
removed.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce import meta
from emulators.woocommerce.errors import invalid, refused
from emulators.woocommerce.shop import Shop, cleaned

Making = Callable[[Shop, JsonRecord, JsonRecord | None], JsonRecord]
NAMES = {"line_items": "product_id", "shipping_lines": "method_id", "fee_lines": "name", "coupon_lines": "code"}
"""The member of each kind whose null removes the line."""


def changed(shop: Shop, kind: str, stored: list[JsonRecord], body: JsonRecord) -> list[JsonRecord]:
    """Return the lines of one kind after a write."""
    sent = body.get(kind)
    if kind not in body or sent is None:
        return stored
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise invalid(kind, f"{kind} is not of type array.")
    lines = {one["id"]: one for one in stored}
    for one in sent:
        id = one.get("id")
        if not id:
            made = MAKINGS[kind](shop, one, None)
            lines[made["id"]] = made
        elif not isinstance(id, int) or id not in lines:
            message = "Order item ID provided is not associated with order."
            raise refused(400, "woocommerce_rest_invalid_item_id", message)
        elif one.get(NAMES[kind], "") is None or (kind == "line_items" and one.get("quantity") == 0):
            del lines[id]
        else:
            lines[id] = MAKINGS[kind](shop, one, lines[id])
    return list(lines.values())


def amount_of(kind: str, name: str, value: Any) -> Decimal:
    """Return an amount of a call."""
    if not isinstance(value, str):
        raise invalid(kind, f"{kind}[0][{name}] is not of type string.")
    try:
        return Decimal(value.strip() or "0")
    except InvalidOperation:
        return Decimal()  # PHP converts anything to a number


def _product_line(shop: Shop, sent: JsonRecord, stored: JsonRecord | None) -> JsonRecord:
    quantity = sent.get("quantity", 1 if stored is None else stored["quantity"])
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise invalid("line_items", "line_items[0][quantity] is not of type integer.")
    line = stored or {
        "id": shop.next_item(),
        "name": "",
        "product_id": 0,
        "variation_id": 0,
        "sku": "",
        "meta_data": [],
    }
    priced = stored is None or {"quantity", "product_id", "variation_id"} & sent.keys()
    if stored is None or {"product_id", "variation_id", "sku"} & sent.keys():
        line = line | _of_product(shop, _product(shop, sent))
    product = shop.product(line["variation_id"] or line["product_id"]) or {}
    subtotal = _net(shop, Decimal(str(product.get("price") or 0)) * quantity) if priced else Decimal(line["_subtotal"])
    if "subtotal" in sent:
        subtotal = amount_of("line_items", "subtotal", sent["subtotal"])
    total = subtotal if priced or "subtotal" in sent else Decimal(line["_total"])
    if "total" in sent:
        total = amount_of("line_items", "total", sent["total"])
    name = {"name": sent["name"]} if isinstance(sent.get("name"), str) and sent["name"] else {}
    kept = {"meta_data": meta.changed(shop, line["meta_data"], sent)}
    return line | name | kept | {"quantity": quantity, "_subtotal": str(subtotal), "_total": str(total)}


def _product(shop: Shop, sent: JsonRecord) -> JsonRecord:
    """Return the product of a line: by SKU, else by variation id, else by product id."""
    if sent.get("sku"):
        product = shop.product_of_sku(str(sent["sku"]))
        if product is None:
            raise refused(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
        return product
    id = sent.get("variation_id") or sent.get("product_id")
    if not id:
        raise refused(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
    if isinstance(id, bool) or not isinstance(id, int):
        raise invalid("line_items", "line_items[0][product_id] is not of type integer.")
    product = shop.product(id)
    if product is None:
        what = "variation" if sent.get("variation_id") else "product"
        raise refused(400, f"order_item_product_invalid_{what}_id", f"Invalid {what} ID")
    return product


def _of_product(shop: Shop, product: JsonRecord) -> JsonRecord:
    """Return the members that a line copies from its product. The attributes of a variation become meta of the line."""
    parent = product.get("parent_id") or 0
    return {
        "name": product.get("name", ""),
        "product_id": parent or product["id"],
        "variation_id": product["id"] if parent else 0,
        "sku": product.get("sku", ""),
        "meta_data": [
            {
                "id": shop.state.next_id("meta", 1),
                "key": one["slug"],
                "value": one["option"].lower(),
                "display_key": one["name"],
                "display_value": one["option"],
            }
            for one in product.get("attributes", ())
        ],
    }


def _net(shop: Shop, price: Decimal) -> Decimal:
    """Return a price of the catalogue without any included tax."""
    included = shop.setting("woocommerce_prices_include_tax") == "yes"
    return price / (1 + shop.rate) if included else price


def _shipping_line(shop: Shop, sent: JsonRecord, stored: JsonRecord | None) -> JsonRecord:
    if stored is None and not sent.get("method_id"):
        raise refused(400, "woocommerce_rest_invalid_shipping_item", "Shipping method ID is required.")
    line = stored or {"id": shop.next_item(), "method_title": "", "method_id": "", "instance_id": "", "meta_data": []}
    texts = {name: cleaned(str(sent[name])) for name in ("method_title", "method_id", "instance_id") if name in sent}
    total = amount_of("shipping_lines", "total", sent["total"]) if "total" in sent else Decimal(line.get("_total", "0"))
    return line | texts | {"_total": str(total), "meta_data": meta.changed(shop, line["meta_data"], sent)}


def _fee_line(shop: Shop, sent: JsonRecord, stored: JsonRecord | None) -> JsonRecord:
    if stored is None and not sent.get("name"):
        raise refused(400, "woocommerce_rest_invalid_fee_item", "Fee name is required.")
    line = stored or {"id": shop.next_item(), "name": "", "tax_class": "", "tax_status": "taxable", "meta_data": []}
    texts = {name: str(sent[name]) for name in ("name", "tax_status") if name in sent}
    total = amount_of("fee_lines", "total", sent["total"]) if "total" in sent else Decimal(line.get("_total", "0"))
    return line | texts | {"_total": str(total), "meta_data": meta.changed(shop, line["meta_data"], sent)}


def _coupon_line(shop: Shop, sent: JsonRecord, stored: JsonRecord | None) -> JsonRecord:
    code = str(sent.get("code") or (stored or {}).get("code") or "").lower()
    coupon = next(iter(shop.state.find("coupons", lambda one: str(one.get("code", "")).lower() == code)), None)
    if coupon is None:
        raise refused(400, "woocommerce_rest_invalid_coupon", f'Coupon "{code}" does not exist!')
    kept = {
        "code": code,
        "discount_type": coupon.get("discount_type", "fixed_cart"),
        "nominal_amount": float(coupon.get("amount", 0)),
        "free_shipping": False,
        "meta_data": [],
    }
    return (stored or {"id": shop.next_item()}) | kept


MAKINGS: dict[str, Making] = {
    "line_items": _product_line,
    "shipping_lines": _shipping_line,
    "fee_lines": _fee_line,
    "coupon_lines": _coupon_line,
}
