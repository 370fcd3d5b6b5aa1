"""Refunds: separate records below an order, which itself has only their sums.

The sums of a refund are positive; those of its lines and in the order are negative. Reference: REST API v3, "Refunds".
"""

from decimal import Decimal
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce import lists, meta, order_lines, orders, statuses
from emulators.woocommerce.errors import invalid, refused
from emulators.woocommerce.shop import FIRST_POST, Shop, body_of, text_of

KINDS = ("line_items", "shipping_lines", "fee_lines")
COPIED = {
    "line_items": ("name", "product_id", "variation_id", "sku"),
    "shipping_lines": ("method_title", "method_id", "instance_id"),
    "fee_lines": ("name", "tax_class", "tax_status"),
}


def list_all(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the refunds of an order, newest first."""
    order = orders.must_get(shop, ids[0], 404)
    return lists.paged(call, [_rendered(shop, one) for one in reversed(orders.refunds_of(shop, order["id"]))])


def show(shop: Shop, _call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one refund."""
    refund = shop.state.get("refunds", ids[1])
    if refund is None or str(refund["_order"]) != ids[0]:
        raise refused(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.")
    return json_answer(200, _rendered(shop, refund))


def create(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Refund the amount that is sent, or that of the lines. A fully refunded order becomes `refunded`."""
    order, body = orders.must_get(shop, ids[0], 404), body_of(call)
    sent = body.get("line_items") or []
    if not isinstance(sent, list):
        raise invalid("line_items", "line_items is not of type array.")
    lines = {kind: [_line(shop, kind, *pair) for pair in _named(order, kind, sent)] for kind in KINDS}
    _check_all_named(lines, sent)
    stated = text_of(body, "amount")
    added = -sum((Decimal(one["total"]) for those in lines.values() for one in those), Decimal())
    amount = added if stated is None else order_lines.amount_of("amount", "amount", stated)
    back = sum((Decimal(one["amount"]) for one in orders.refunds_of(shop, order["id"])), Decimal())
    if amount <= 0 or back + amount > Decimal(order["total"]):
        raise refused(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
    refund = {
        "id": shop.state.next_id("posts", FIRST_POST),
        "_order": order["id"],
        "parent_id": order["id"],
        **shop.times("date_created", shop.now),
        "amount": shop.sum(amount),
        "reason": text_of(body, "reason") or "",
        "refunded_by": 1,
        "refunded_payment": bool(body.get("api_refund", True)),
        "meta_data": meta.changed(shop, [], body),
        **lines,
        "tax_lines": [],
    }
    shop.state.put("refunds", str(refund["id"]), refund, {"order": str(order["id"])})
    if back + amount == Decimal(order["total"]):
        order = statuses.entered(shop, order, "refunded")
    orders.keep(shop, order | shop.times("date_modified", shop.now))
    return json_answer(201, _rendered(shop, refund))


def _named(order: JsonRecord, kind: str, sent: list[Any]) -> list[tuple[JsonRecord, JsonRecord]]:
    """Return the order's items of a kind that the body names, each with its part of the body. One list names goods,
    shipping and fees (wc_create_refund)."""
    named = {one.get("id"): one for one in sent if isinstance(one, dict)}
    return [(line, named[line["id"]]) for line in order[kind] if line["id"] in named]


def _check_all_named(lines: dict[str, list[JsonRecord]], sent: list[Any]) -> None:
    if sum(map(len, lines.values())) < len(sent):
        raise refused(400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.")


def _line(shop: Shop, kind: str, line: JsonRecord, sent: JsonRecord) -> JsonRecord:
    """Return the refunded part of an item. Only goods have a quantity (WC_Order_Item has no set_quantity)."""
    total = order_lines.amount_of(kind, "refund_total", str(sent.get("refund_total", "0")))
    refunded = {
        "id": shop.next_item(),
        "total": shop.sum(-total),
        "total_tax": shop.sum(Decimal()),
        "taxes": [],
        "meta_data": [{"id": shop.state.next_id("meta", 1), "key": "_refunded_item_id", "value": str(line["id"])}],
    }
    refunded |= {name: line[name] for name in COPIED[kind]}
    if kind != "line_items":
        return refunded
    quantity = int(sent.get("quantity", 0))
    return refunded | {
        "quantity": -quantity,
        "tax_class": "",
        "subtotal": shop.sum(-total),
        "subtotal_tax": shop.sum(Decimal()),
        "price": float(total / quantity) if quantity else 0,
    }


def _rendered(shop: Shop, refund: JsonRecord) -> JsonRecord:
    members = {name: value for name, value in refund.items() if not name.startswith("_")}
    return members | {"_links": shop.links(f"orders/{refund['_order']}/refunds", refund["id"])}
