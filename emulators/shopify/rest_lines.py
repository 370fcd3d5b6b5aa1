"""The lists in an order's webhook: lines, discounts, parcels, refunds."""

from typing import Any

from emulators.shopify.rest_parts import local_time, lower, money_set, number, pairs, shop_sum
from emulators.shopify.shapes import amount, part, parts, texts, whole

JsonRecord = dict[str, Any]

APPLICATIONS = {
    "DiscountCodeApplication": "discount_code",
    "ManualDiscountApplication": "manual",
    "AutomaticDiscountApplication": "automatic",
    "ScriptDiscountApplication": "script",
}


def line_item(line: JsonRecord, currency: Any) -> JsonRecord:
    """Return one line. `price` is of one unit before discounts."""
    left, sold = whole(line.get("unfulfilledQuantity")) or 0, whole(line.get("quantity")) or 0
    return {
        "id": number(line.get("id")),
        "current_quantity": line.get("currentQuantity"),
        "fulfillment_status": None if left == sold else "fulfilled" if left == 0 else "partial",
        "name": line.get("name"),
        "price": shop_sum(line.get("originalUnitPriceSet"), currency),
        "product_id": number(part(line, "product").get("id")),
        "properties": pairs(line.get("customAttributes")),
        "quantity": line.get("quantity"),
        "requires_shipping": bool(line.get("requiresShipping")),
        "sku": line.get("sku"),
        "taxable": bool(line.get("taxable")),
        "title": line.get("title"),
        "total_discount": shop_sum(line.get("totalDiscountSet"), currency),
        "variant_id": number(part(line, "variant").get("id")),
        "tax_lines": _taxes(line, currency),
        "discount_allocations": _allocations(line, currency),
    }


def shipping_line(line: JsonRecord, currency: Any) -> JsonRecord:
    """Return one shipping charge. `price` is before discounts."""
    return {
        "id": number(line.get("id")),
        "price": shop_sum(line.get("originalPriceSet"), currency),
        "title": line.get("title"),
        "tax_lines": _taxes(line, currency),
        "discount_allocations": _allocations(line, currency),
    }


def discount_application(applied: JsonRecord) -> JsonRecord:
    """Return one discount: its origin and its basis."""
    value = part(applied, "value")
    by_share = "percentage" in value
    return {
        "target_type": lower(applied.get("targetType")),
        "type": APPLICATIONS.get(str(applied.get("__typename")), "manual"),
        "value": str(value.get("percentage" if by_share else "amount")),
        "value_type": "percentage" if by_share else "fixed_amount",
        "code": applied.get("code"),
        "title": applied.get("title"),
        "description": applied.get("description"),
    }


def discount_codes(order: JsonRecord) -> list[JsonRecord]:
    """Return the discount codes in the shape before discount applications. The sum is of the whole order."""
    off = shop_sum(order.get("totalDiscountsSet"), order.get("currencyCode"))
    codes = [one for one in parts(order.get("discountApplications")) if one.get("code")]
    return [
        {
            "code": one["code"],
            "amount": off,
            "type": "shipping"
            if one.get("targetType") == "SHIPPING_LINE"
            else "percentage"
            if "percentage" in part(one, "value")
            else "fixed_amount",
        }
        for one in codes
    ]


def fulfillment(parcel: JsonRecord, order: JsonRecord) -> JsonRecord:
    """Return one parcel. Its tracking numbers and URLs are parallel lists."""
    tracked = parts(parcel.get("trackingInfo"))
    numbers, urls = texts([one.get("number") for one in tracked]), texts([one.get("url") for one in tracked])
    return {
        "id": number(parcel.get("id")),
        "created_at": local_time(parcel.get("createdAt")),
        "status": lower(parcel.get("status")),
        "tracking_company": tracked[0].get("company") if tracked else None,
        "tracking_number": numbers[0] if numbers else None,
        "tracking_numbers": numbers,
        "tracking_url": urls[0] if urls else None,
        "tracking_urls": urls,
        "line_items": [
            {**line_item(part(one, "lineItem"), order.get("currencyCode")), "quantity": one.get("quantity")}
            for one in parts(parcel.get("fulfillmentLineItems"))
        ],
    }


def refund(refund: JsonRecord, order: JsonRecord) -> JsonRecord:
    """Return one refund. The sums of its lines are numbers here, not text."""
    currency = order.get("currencyCode")
    return {
        "id": number(refund.get("id")),
        "created_at": local_time(refund.get("createdAt")),
        "note": refund.get("note"),
        "transactions": [_transaction(one, currency) for one in parts(refund.get("transactions"))],
        "refund_line_items": [_refunded_line(one, currency) for one in parts(refund.get("refundLineItems"))],
    }


def _refunded_line(line: JsonRecord, currency: Any) -> JsonRecord:
    return {
        "line_item_id": number(part(line, "lineItem").get("id")),
        "quantity": line.get("quantity"),
        "subtotal": float(amount(line.get("subtotalSet"))),
        "subtotal_set": money_set(line.get("subtotalSet"), currency),
        "total_tax_set": money_set(line.get("totalTaxSet"), currency),
    }


def _transaction(made: JsonRecord, currency: Any) -> JsonRecord:
    return {
        "amount": shop_sum(made.get("amountSet"), currency),
        "currency": currency,
        "kind": lower(made.get("kind")),
        "status": lower(made.get("status")),
    }


def _taxes(line: JsonRecord, currency: Any) -> list[JsonRecord]:
    return [
        {"title": one.get("title"), "price": shop_sum(one.get("priceSet"), currency)}
        for one in parts(line.get("taxLines"))
    ]


def _allocations(line: JsonRecord, currency: Any) -> list[JsonRecord]:
    return [
        {
            "amount": shop_sum(one.get("allocatedAmountSet"), currency),
            "discount_application_index": whole(part(one, "discountApplication").get("index")) or 0,
        }
        for one in parts(line.get("discountAllocations"))
    ]
