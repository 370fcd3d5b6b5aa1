"""Orders with twenty lines: golden orders with two of their lines repeated in turn, and correct sums."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

FIXTURES: Final = Path(__file__).parents[1] / "tests" / "mappings"
LINES: Final = 20


def long_shopify_order() -> bytes:
    """Return the golden order with twenty lines whose sums add up."""
    order = json.loads((FIXTURES / "shopify/fixtures/order-full.in.json").read_bytes())
    thread, lesson = order["lineItems"]["nodes"]
    nodes = []
    for place in range(LINES):
        line = (thread, lesson)[place % 2]
        nodes.append(line | {"id": f"gid://shopify/LineItem/{501 + place}", "name": f"{line['name']}, {place + 1}"})
    order["lineItems"]["nodes"] = nodes
    order["totalTaxSet"] = _bag(LINES / 2 * (10.0 + 2.5 + 4.3) + 1.9)
    order["totalDiscountsSet"] = _bag(LINES / 2 * 10.0 + 5.0)
    items, fees, shipping, tip = LINES / 2 * (4 * 20.0 + 25.0), 4.0, 9.5, 2.0
    total = items - (LINES / 2 * 10.0 + 5.0) + shipping + fees + tip + LINES / 2 * (10.0 + 2.5 + 4.3) + 1.9
    order["totalPriceSet"] = order["totalReceivedSet"] = _bag(total)
    return json.dumps(order).encode()


def long_salesforce_order() -> bytes:
    """Return the golden order with its first line twenty times."""
    order = json.loads((FIXTURES / "salesforce/fixtures/order-full.in.json").read_bytes())
    line, _ = order["OrderItems"]["records"]
    order["OrderItems"]["records"] = [line | {"Id": f"802dM0000000L{place:02}QAK"} for place in range(LINES)]
    order["OrderItems"]["totalSize"] = LINES
    return json.dumps(order | {"TotalAmount": round(LINES * line["TotalPrice"], 2)}).encode()


def long_medusa_order() -> bytes:
    """Return the golden order of Medusa with twenty lines whose sums add up."""
    order = json.loads((FIXTURES / "medusa/fixtures/order-full.in.json").read_bytes())["order"]
    lines = order["items"]
    order["items"] = [lines[place % 2] | {"id": f"ordli_{place}"} for place in range(LINES)]
    pairs = LINES // 2
    order |= {"item_subtotal": pairs * 50, "original_item_total": pairs * 60, "tax_total": pairs * 9 + 0.5}
    order |= {"discount_subtotal": pairs * 5 + 2.5, "discount_total": pairs * 6 + 3}
    order["total"] = pairs * (50 - 5 + 9) + 5 - 2.5 + 0.5 - order["credit_line_total"]
    return json.dumps(order).encode()


def long_stripe_invoice() -> bytes:
    """Return the golden invoice with twenty lines whose sums add up."""
    invoice = json.loads((FIXTURES / "stripe/fixtures/order-invoice.in.json").read_bytes())
    lines = invoice["lines"]["data"]
    invoice["lines"]["data"] = [lines[place % 2] | {"id": f"il_{place}"} for place in range(LINES)]
    for discount in invoice["total_discount_amounts"]:
        discount["amount"] = LINES // 2 * 996
    for tax in invoice["total_taxes"]:
        tax["amount"] = LINES // 2 * 1703
    total = LINES // 2 * (8000 + 1960 - 996 + 1703) + 950
    return json.dumps(invoice | {"total": total, "amount_paid": total}).encode()


def long_woocommerce_order() -> bytes:
    """Return the golden order of WooCommerce with twenty lines whose sums add up."""
    order = json.loads((FIXTURES / "woocommerce/fixtures/order-full.in.json").read_bytes())
    mug, linen = order["line_items"]
    order["line_items"] = [
        line | {"id": 315 + place, "name": f"{line['name']}, {place + 1}"}
        for place, line in ((place, (mug, linen)[place % 2]) for place in range(LINES))
    ]
    pairs = LINES / 2
    tax = pairs * (6.80 + 0.32) + 0.95 + 0.07
    order |= {"discount_total": f"{pairs * 4:.2f}", "total_tax": f"{tax:.2f}"}
    order["total"] = f"{pairs * (35.80 + 1.70) + 5 + 0.5 + tax:.2f}"
    return msgspec.json.encode(order)


def _bag(amount: float) -> dict[str, Any]:
    return {"shopMoney": {"amount": str(round(amount, 2))}}


LONG_ORDERS: Final[dict[str, Callable[[], bytes]]] = {
    "medusa": long_medusa_order,
    "salesforce": long_salesforce_order,
    "shopify": long_shopify_order,
    "stripe": long_stripe_invoice,
    "woocommerce": long_woocommerce_order,
}
"""Long orders by vendor."""
