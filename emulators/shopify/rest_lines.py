"""The lists in an order's webhook: lines, discounts, taxes, parcels, refunds."""

from typing import Any

from emulators.shopify.rest_parts import local_time, lower, money_set, number, pairs, shop_sum, sum_text
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
        "admin_graphql_api_id": line.get("id"),
        "current_quantity": line.get("currentQuantity"),
        "fulfillable_quantity": left,
        "fulfillment_status": None if left == sold else "fulfilled" if left == 0 else "partial",
        "gift_card": bool(line.get("isGiftCard")),
        "name": line.get("name"),
        "price": shop_sum(line.get("originalUnitPriceSet"), currency),
        "price_set": money_set(line.get("originalUnitPriceSet"), currency),
        "product_exists": line.get("product") is not None,
        "product_id": number(part(line, "product").get("id")),
        "properties": pairs(line.get("customAttributes")),
        "quantity": line.get("quantity"),
        "requires_shipping": bool(line.get("requiresShipping")),
        "sku": line.get("sku"),
        "taxable": bool(line.get("taxable")),
        "title": line.get("title"),
        "total_discount": shop_sum(line.get("totalDiscountSet"), currency),
        "total_discount_set": money_set(line.get("totalDiscountSet"), currency),
        "variant_id": number(part(line, "variant").get("id")),
        "variant_title": line.get("variantTitle"),
        "vendor": line.get("vendor"),
        "tax_lines": [tax_line(one, currency) for one in parts(line.get("taxLines"))],
        "duties": [],
        "discount_allocations": _allocations(line, currency),
    }


def shipping_line(line: JsonRecord, currency: Any) -> JsonRecord:
    """Return one shipping charge. `price` is before discounts."""
    return {
        "id": number(line.get("id")),
        "code": line.get("code"),
        "discounted_price": shop_sum(line.get("discountedPriceSet"), currency),
        "discounted_price_set": money_set(line.get("discountedPriceSet"), currency),
        "price": shop_sum(line.get("originalPriceSet"), currency),
        "price_set": money_set(line.get("originalPriceSet"), currency),
        "source": line.get("source"),
        "title": line.get("title"),
        "tax_lines": [tax_line(one, currency) for one in parts(line.get("taxLines"))],
        "discount_allocations": _allocations(line, currency),
    }


def tax_line(tax: JsonRecord, currency: Any) -> JsonRecord:
    """Return one tax."""
    return {
        "title": tax.get("title"),
        "rate": tax.get("rate"),
        "price": shop_sum(tax.get("priceSet"), currency),
        "price_set": money_set(tax.get("priceSet"), currency),
        "channel_liable": tax.get("channelLiable"),
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
        "allocation_method": lower(applied.get("allocationMethod")),
        "target_selection": lower(applied.get("targetSelection")),
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
    lines = parts(parcel.get("fulfillmentLineItems"))
    return {
        "id": number(parcel.get("id")),
        "admin_graphql_api_id": parcel.get("id"),
        "created_at": local_time(parcel.get("createdAt")),
        "name": parcel.get("name"),
        "order_id": number(order.get("id")),
        "shipment_status": None,
        "status": lower(parcel.get("status")),
        "tracking_company": tracked[0].get("company") if tracked else None,
        "tracking_number": numbers[0] if numbers else None,
        "tracking_numbers": numbers,
        "tracking_url": urls[0] if urls else None,
        "tracking_urls": urls,
        "updated_at": local_time(parcel.get("updatedAt")),
        "line_items": [
            {**line_item(part(one, "lineItem"), order.get("currencyCode")), "quantity": one.get("quantity")}
            for one in lines
        ],
    }


def refund(refund: JsonRecord, order: JsonRecord) -> JsonRecord:
    """Return one refund. The sums of its lines are numbers here, not text."""
    currency = order.get("currencyCode")
    lines = parts(refund.get("refundLineItems"))
    return {
        "id": number(refund.get("id")),
        "admin_graphql_api_id": refund.get("id"),
        "created_at": local_time(refund.get("createdAt")),
        "note": refund.get("note"),
        "order_id": number(order.get("id")),
        "processed_at": local_time(refund.get("processedAt")),
        "restock": any(one.get("restocked") is True for one in lines),
        "order_adjustments": [],
        "transactions": [_transaction(one, order) for one in parts(refund.get("transactions"))],
        "refund_line_items": [_refunded_line(one, currency) for one in lines],
        "duties": [],
    }


def _refunded_line(line: JsonRecord, currency: Any) -> JsonRecord:
    sold = part(line, "lineItem")
    return {
        "id": number(line.get("id")),
        "line_item_id": number(sold.get("id")),
        "quantity": line.get("quantity"),
        "restock_type": lower(line.get("restockType")),
        "subtotal": float(amount(line.get("subtotalSet"))),
        "subtotal_set": money_set(line.get("subtotalSet"), currency),
        "total_tax": float(amount(line.get("totalTaxSet"))),
        "total_tax_set": money_set(line.get("totalTaxSet"), currency),
        "line_item": line_item(sold, currency),
    }


def _transaction(made: JsonRecord, order: JsonRecord) -> JsonRecord:
    currency = order.get("currencyCode")
    return {
        "id": number(made.get("id")),
        "admin_graphql_api_id": made.get("id"),
        "amount": sum_text(amount(made.get("amountSet")), currency),
        "created_at": local_time(made.get("createdAt")),
        "currency": currency,
        "gateway": made.get("gateway"),
        "kind": lower(made.get("kind")),
        "order_id": number(order.get("id")),
        "parent_id": number(part(made, "parentTransaction").get("id")),
        "processed_at": local_time(made.get("processedAt")),
        "status": lower(made.get("status")),
        "test": bool(made.get("test")),
    }


def _allocations(line: JsonRecord, currency: Any) -> list[JsonRecord]:
    return [
        {
            "amount": shop_sum(one.get("allocatedAmountSet"), currency),
            "amount_set": money_set(one.get("allocatedAmountSet"), currency),
            "discount_application_index": whole(part(one, "discountApplication").get("index")) or 0,
        }
        for one in parts(line.get("discountAllocations"))
    ]
