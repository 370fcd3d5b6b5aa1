"""The sums that the shop computes: coupon discounts, taxes, totals.

Lines keep the amounts that were sent in `_subtotal` and `_total`, with all digits. Answers round them to the shop's
decimals. The order's total is the sum of the exact amounts, rounded once.
"""

from decimal import ROUND_DOWN, Decimal
from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce import meta
from emulators.woocommerce.shop import Shop


def totalled(shop: Shop, order: JsonRecord) -> JsonRecord:
    """Return the order with all sums computed again."""
    lines = [one | {"_total": one["_total"]} for one in order["line_items"]]
    coupons = [one | _taken_off(shop, one, lines) for one in order["coupon_lines"]]
    lines = [_line(shop, one) for one in lines]
    shipping = [_plain(shop, one) for one in order["shipping_lines"]]
    subtotal, total = _sum(lines, "_subtotal"), _sum(lines, "_total")
    discount, carriage = subtotal - total, _sum(shipping, "_total")
    fees = [_plain(shop, one) for one in _capped(order["fee_lines"], total + carriage)]
    charges = _sum(fees, "_total")
    cart_tax = _sum(lines, "total_tax") + _sum(fees, "total_tax")
    shipping_tax = _sum(shipping, "total_tax")
    return order | {
        "line_items": lines,
        "coupon_lines": coupons,
        "shipping_lines": shipping,
        "fee_lines": fees,
        "discount_total": shop.sum(discount),
        "discount_tax": shop.sum(discount * shop.rate),
        "shipping_total": shop.sum(carriage),
        "shipping_tax": shop.sum(shipping_tax),
        "cart_tax": shop.sum(cart_tax),
        "total_tax": shop.sum(cart_tax + shipping_tax),
        "total": shop.sum(total + carriage + charges + cart_tax + shipping_tax),
        "tax_lines": _tax_lines(shop, cart_tax, shipping_tax),
    }


def rendered_line(line: JsonRecord) -> JsonRecord:
    """Return a line without the emulator's private members."""
    visible = {name: value for name, value in line.items() if not name.startswith("_")}
    return (
        visible | {"meta_data": meta.rendered(line["meta_data"])}
        if isinstance(line.get("meta_data"), list)
        else visible
    )


def _line(shop: Shop, line: JsonRecord) -> JsonRecord:
    subtotal, total = Decimal(line["_subtotal"]), Decimal(line["_total"])
    quantity = line["quantity"] or 1
    return line | {
        "tax_class": "",
        "subtotal": shop.sum(subtotal),
        "subtotal_tax": shop.sum(subtotal * shop.rate),
        "total": shop.sum(total),
        "total_tax": shop.sum(total * shop.rate),
        "taxes": [],
        "price": float(total / quantity),
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _capped(fees: list[JsonRecord], before: Decimal) -> list[JsonRecord]:
    """Limit negative fees to the sum that they reduce (WC_Abstract_Order::calculate_totals)."""
    kept = []
    for fee in fees:
        total = Decimal(fee["_total"])
        if total < -before < 0:
            total = -before
        before += total
        kept.append(fee | {"_total": str(total)})
    return kept


def _plain(shop: Shop, line: JsonRecord) -> JsonRecord:
    """Add a line's taxes. A negative fee has some even if it is not taxable (WC_Order_Item_Fee::calculate_taxes)."""
    total = Decimal(line["_total"])
    taxed = total * shop.rate if total < 0 or line.get("tax_status", "taxable") == "taxable" else Decimal()
    return line | {"total": shop.sum(total), "total_tax": shop.sum(taxed), "taxes": []}


def _taken_off(shop: Shop, coupon: JsonRecord, lines: list[JsonRecord]) -> JsonRecord:
    """Return the discount of one coupon, and subtract it from the lines' `_total`."""
    left = [Decimal(line["_total"]) for line in lines]
    nominal = Decimal(str(coupon["nominal_amount"]))
    cent = Decimal(1).scaleb(-shop.decimals)
    if coupon["discount_type"] == "percent":
        parts = [(one * nominal / 100).quantize(cent, ROUND_DOWN) for one in left]
    else:
        parts = _spread(min(nominal, sum(left, Decimal())), left, cent)
    for line, one, part in zip(lines, left, parts, strict=True):
        line["_total"] = str(one - part)
    taken = sum(parts, Decimal())
    return {"discount": shop.sum(taken), "discount_tax": shop.sum(taken * shop.rate)}


def _spread(amount: Decimal, over: list[Decimal], cent: Decimal) -> list[Decimal]:
    """Split an amount in proportion to the lines. The first gets the rest of the rounding."""
    whole = sum(over, Decimal()) or Decimal(1)
    parts = [(amount * one / whole).quantize(cent, ROUND_DOWN) for one in over]
    if parts:
        parts[0] += amount - sum(parts, Decimal())
    return parts


def _tax_lines(shop: Shop, cart: Decimal, shipping: Decimal) -> list[JsonRecord]:
    if not shop.rate:
        return []
    rate: dict[str, Any] = {"id": 0, "rate_code": "CH-TAX-1", "rate_id": 1, "label": "Tax", "compound": False}
    sums = {"tax_total": shop.sum(cart), "shipping_tax_total": shop.sum(shipping), "meta_data": []}
    return [rate | sums | {"rate_percent": float(shop.rate * 100)}]


def _sum(lines: list[JsonRecord], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal())
