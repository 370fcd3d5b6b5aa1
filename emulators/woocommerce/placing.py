"""Place records from outside: any payload, without the shop's validation."""

from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce import customers, orders
from emulators.woocommerce.shop import FIRST_POST, FIRST_USER, Shop

OBJECTS = ("customers", "orders", "refunds", "products", "coupons", "settings", "webhooks")


def placed(shop: Shop, object: str, payload: dict[str, Any]) -> JsonRecord:
    """Write the payload as a record, merged into an empty one of its kind, with a new id if it has none."""
    id = payload.get("id") or _new_id(shop, object)
    record = {**payload, "id": id}
    if object == "customers":
        record = customers.blank(shop, id if isinstance(id, int) else 0) | record
        shop.state.put(object, str(id), record, {"email": str(record["email"]).lower()})
        return record
    if object == "orders":
        record = _complete(orders.blank(shop, id if isinstance(id, int) else 0) | record)
    order = {"order": str(record.get("_order") or record.get("parent_id"))} if object == "refunds" else None
    shop.state.put(object, str(id), record, order)
    return record


def _complete(order: JsonRecord) -> JsonRecord:
    """Return lines with the exact amounts from which a later change computes the totals."""
    for kind in orders.KINDS:
        order[kind] = [
            {"_subtotal": one.get("subtotal", "0"), "_total": one.get("total", "0"), "meta_data": [], "sku": ""} | one
            for one in order[kind]
        ]
    return order


def _new_id(shop: Shop, object: str) -> int:
    if object == "customers":
        return shop.state.next_id("users", FIRST_USER)
    return shop.state.next_id("posts", FIRST_POST)
