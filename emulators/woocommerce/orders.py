"""Orders. Reference: REST API v3, "Orders", and WC_REST_Orders_Controller."""

import re
from datetime import datetime
from decimal import Decimal

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce import lists, meta, order_lines, order_totals, places, products, statuses
from emulators.woocommerce.errors import invalid, refused
from emulators.woocommerce.shop import FIRST_POST, Shop, body_of, text_of

ORDERED_BY = {"date": "date_created_gmt", "modified": "date_modified_gmt", "id": "id", "include": "id"}
WINDOWS = {
    "after": ("date_created", False),
    "before": ("date_created", True),
    "modified_after": ("date_modified", False),
    "modified_before": ("date_modified", True),
}
TEXTS = ("payment_method", "payment_method_title", "transaction_id", "customer_note")
KINDS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines")
LINES = (*KINDS, "tax_lines")
_CURRENCY = re.compile(r"[A-Z]{3}")


def list_all(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """List matching orders, newest first by default. The status `any` excludes the bin and drafts."""
    order = call.param("orderby") or "date"
    if order not in ORDERED_BY:
        raise invalid("orderby", f"orderby is not one of {', '.join(ORDERED_BY)}.")
    wanted = lists.words_of(call, "status") or ["any"]
    known = {statuses.known(one) for one in wanted if one != "any"}
    orders = [one for one in shop.state.all("orders") if _is_in(one["status"], known, "any" in wanted)]
    included, excluded = lists.ids_of(call, "include"), lists.ids_of(call, "exclude") or set()
    orders = [one for one in orders if (included is None or one["id"] in included) and one["id"] not in excluded]
    if (customer := call.param("customer")) is not None:
        orders = [one for one in orders if str(one["customer_id"]) == customer]
    if (text := call.param("search")) is not None:
        orders = [one for one in orders if text.lower() in str(one["billing"]).lower()]
    for name, (member, is_end) in WINDOWS.items():
        if (bound := call.param(name)) is not None:
            orders = [one for one in orders if _is_within(one, call, name, bound, member, is_end)]
    key = ORDERED_BY[order]
    orders.sort(
        key=lambda one: (one[key] or "", one["id"]) if key != "id" else one["id"], reverse=lists.is_descending(call)
    )
    return lists.paged(call, [rendered(shop, one) for one in orders])


def show(shop: Shop, _call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one order."""
    return json_answer(200, rendered(shop, must_get(shop, ids[0], 404)))


def create(shop: Shop, call: Call, _ids: tuple[str, ...]) -> Answer:
    """Create an order, pending by default."""
    body = body_of(call)
    if body.get("id"):
        raise refused(400, "woocommerce_rest_shop_order_exists", "Cannot create existing shop_order.")
    order = blank(shop, shop.state.next_id("posts", FIRST_POST))
    made = keep(shop, _changed(shop, order, body))
    products.count_order(shop, made)
    return json_answer(201, rendered(shop, made))


def update(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent."""
    order, body = must_get(shop, ids[0], 400), body_of(call)
    changed = _changed(shop, order, body) | shop.times("date_modified", shop.now)
    products.count_order(shop, keep(shop, changed))
    return json_answer(200, rendered(shop, changed))


def delete(shop: Shop, call: Call, ids: tuple[str, ...]) -> Answer:
    """Move to the bin, or delete for good with `force`."""
    order = must_get(shop, ids[0], 404)
    if call.param("force") in ("true", "1"):
        shop.state.delete("orders", str(order["id"]))
        return json_answer(200, rendered(shop, order))
    if order["status"] == statuses.TRASH:
        raise refused(410, "woocommerce_rest_already_trashed", "The order has already been deleted.")
    binned = order | {"status": statuses.TRASH} | shop.times("date_modified", shop.now)
    return json_answer(200, rendered(shop, keep(shop, binned)))


def must_get(shop: Shop, id: str, status: int) -> JsonRecord:
    """Return the order. Raises the shop's refusal."""
    order = shop.state.get("orders", id)
    if order is None:
        raise refused(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return order


def keep(shop: Shop, order: JsonRecord) -> JsonRecord:
    """Store an order and return it."""
    shop.state.put("orders", str(order["id"]), order)
    return order


def refunds_of(shop: Shop, id: int) -> list[JsonRecord]:
    """Return the refunds of an order, oldest first."""
    return shop.state.lookup("refunds", "order", str(id))


def rendered(shop: Shop, order: JsonRecord) -> JsonRecord:
    """Return an order as in answers: with its refunds, without the private members of its lines."""
    stubs = [
        {"id": one["id"], "reason": one["reason"], "total": f"-{one['amount']}"}
        for one in refunds_of(shop, order["id"])
    ]
    lines = {kind: [order_totals.rendered_line(one) for one in order[kind]] for kind in LINES}
    links = shop.links("orders", order["id"])
    if order["customer_id"]:
        links["customer"] = [{"href": f"{shop.api}/customers/{order['customer_id']}"}]
    return order | lines | {"refunds": stubs or order.get("refunds", []), "_links": links}


def blank(shop: Shop, id: int) -> JsonRecord:
    """Return an empty order."""
    zero = shop.sum(Decimal())
    sums = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")
    return {
        "id": id,
        "parent_id": 0,
        "status": "pending",
        "currency": shop.setting("woocommerce_currency"),
        "version": "10.7.0",
        "prices_include_tax": shop.setting("woocommerce_prices_include_tax") == "yes",
        **shop.times("date_created", shop.now),
        **shop.times("date_modified", shop.now),
        **dict.fromkeys(sums, zero),
        "customer_id": 0,
        "order_key": f"wc_order_{id:013d}",
        "billing": places.blank("billing"),
        "shipping": places.blank("shipping"),
        **dict.fromkeys(TEXTS, ""),
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "rest-api",
        **shop.times("date_completed", None),
        **shop.times("date_paid", None),
        "cart_hash": "",
        "number": str(id),
        "meta_data": [],
        **{kind: [] for kind in LINES},
        "currency_symbol": "",
    }


def _changed(shop: Shop, order: JsonRecord, body: JsonRecord) -> JsonRecord:
    changed = dict(order)
    for name in TEXTS:
        text = text_of(body, name)
        changed[name] = changed[name] if text is None else text
    if "currency" in body:
        changed["currency"] = _currency(body["currency"])
    if "customer_id" in body:
        changed["customer_id"] = _customer(shop, body["customer_id"])
    for kind in ("billing", "shipping"):
        changed[kind] = places.changed(kind, changed[kind], body, of_order=True)
    changed["meta_data"] = meta.changed(shop, changed["meta_data"], body)
    for kind in KINDS:
        changed[kind] = order_lines.changed(shop, kind, changed[kind], body)
    if any(kind in body for kind in KINDS):
        changed = order_totals.totalled(shop, changed)
    if body.get("set_paid") is True:
        cash = changed["payment_method"] == statuses.ON_DELIVERY
        changed = statuses.entered(shop, changed, "completed" if cash else "processing")
    if "status" in body:
        changed = statuses.entered(shop, changed, statuses.known(body["status"]))
    return changed


def _currency(code: object) -> str:
    if not isinstance(code, str) or not _CURRENCY.fullmatch(code):
        raise invalid("currency", "currency is not one of the currencies of WooCommerce.")
    return code


def _customer(shop: Shop, id: object) -> int:
    if isinstance(id, bool) or not isinstance(id, int):
        raise invalid("customer_id", "customer_id is not of type integer.")
    if id and shop.state.get("customers", str(id)) is None:
        raise refused(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
    return id


def _is_in(status: str, known: set[str], any_: bool) -> bool:
    return status in known or (any_ and status not in (statuses.TRASH, "checkout-draft", "auto-draft"))


def _is_within(order: JsonRecord, call: Call, name: str, bound: str, member: str, is_end: bool) -> bool:
    """Return whether a time is within an exclusive bound. Bounds are in the shop's zone by default."""
    try:
        limit = datetime.fromisoformat(bound)
    except ValueError as error:
        raise invalid(name, "Invalid date.") from error
    stored = order[f"{member}_gmt" if call.param("dates_are_gmt") in ("true", "1") else member]
    if stored is None:
        return False
    moment = datetime.fromisoformat(stored)
    limit = limit.replace(tzinfo=None)
    return moment < limit if is_end else moment > limit
