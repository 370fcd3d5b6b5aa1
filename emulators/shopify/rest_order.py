"""An order as a webhook has it: the order in the shape of the REST API."""

from decimal import Decimal
from typing import Any

from emulators.shopify import records
from emulators.shopify.rest_customer import customer_body, customer_head
from emulators.shopify.rest_lines import (
    discount_application,
    discount_codes,
    fulfillment,
    line_item,
    refund,
    shipping_line,
)
from emulators.shopify.rest_parts import address_body, local_time, lower, money_set, number, pairs, shop_sum, sum_text
from emulators.shopify.shapes import amount, part, parts, texts
from emulators.state import State

JsonRecord = dict[str, Any]

# REST has null for an order without shipments.
FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
# Sums in the shop's currency.
SUMS = {
    "total_discounts": "totalDiscountsSet",
    "total_outstanding": "totalOutstandingSet",
    "total_price": "totalPriceSet",
    "total_tax": "totalTaxSet",
    "total_tip_received": "totalTipReceivedSet",
}


def order_body(order: JsonRecord, state: State) -> JsonRecord:
    """Return the whole order with its present customer."""
    return {
        **_head(order),
        **_sums(order),
        **_lists(order),
        "billing_address": address_body(order.get("billingAddress")),
        "shipping_address": address_body(order.get("shippingAddress")),
        "customer": _customer(part(order, "customer"), state),
    }


def _head(order: JsonRecord) -> JsonRecord:
    return {
        "id": number(order.get("id")),
        "admin_graphql_api_id": order.get("id"),
        "cancel_reason": lower(order.get("cancelReason")),
        "cancelled_at": local_time(order.get("cancelledAt")),
        "closed_at": local_time(order.get("closedAt")),
        "contact_email": order.get("email"),
        "created_at": local_time(order.get("createdAt")),
        "currency": order.get("currencyCode"),
        "email": order.get("email"),
        "financial_status": lower(order.get("displayFinancialStatus")),
        "fulfillment_status": FULFILLMENT.get(str(order.get("displayFulfillmentStatus"))),
        "name": order.get("name"),
        "note": order.get("note"),
        "note_attributes": pairs(order.get("customAttributes")),
        "order_number": order.get("number"),
        "phone": order.get("phone"),
        "presentment_currency": order.get("presentmentCurrencyCode"),
        "processed_at": local_time(order.get("processedAt")),
        "source_name": order.get("sourceName"),
        "tags": ", ".join(texts(order.get("tags"))),
        "taxes_included": bool(order.get("taxesIncluded")),
        "test": bool(order.get("test")),
        "updated_at": local_time(order.get("updatedAt")),
    }


def _sums(order: JsonRecord) -> JsonRecord:
    currency = order.get("currencyCode")
    full = sum((amount(line.get("originalTotalSet")) for line in parts(order.get("lineItems"))), Decimal(0))
    return {name: shop_sum(order.get(field), currency) for name, field in SUMS.items()} | {
        "total_line_items_price": sum_text(full, currency),
        "total_shipping_price_set": money_set(order.get("totalShippingPriceSet"), currency),
    }


def _lists(order: JsonRecord) -> JsonRecord:
    currency = order.get("currencyCode")
    return {
        "discount_applications": [discount_application(one) for one in parts(order.get("discountApplications"))],
        "discount_codes": discount_codes(order),
        "fulfillments": [fulfillment(one, order) for one in parts(order.get("fulfillments"))],
        "line_items": [line_item(one, currency) for one in parts(order.get("lineItems"))],
        "refunds": [refund(one, order) for one in parts(order.get("refunds"))],
        "shipping_lines": [shipping_line(one, currency) for one in parts(order.get("shippingLines"))],
    }


def _customer(placed: JsonRecord, state: State) -> JsonRecord | None:
    """Return the order's customer without addresses except the default one; one that exists only inside a placed order
    as placed."""
    if not placed:
        return None
    known = records.load(state, records.CUSTOMER, str(placed.get("id")))
    if known is None:
        return customer_head(placed) if len(placed) > 1 else None
    return {name: value for name, value in customer_body(known).items() if name != "addresses"}
