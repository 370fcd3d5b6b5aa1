"""`orderCreate`: an order from another system, with custom line items, created in one step."""

import re
from typing import Any

from emulators.shopify import metafields, order_input, payments, records, tags
from emulators.shopify.addresses import address
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import moment, new_gid
from emulators.shopify.money import read
from emulators.shopify.order_lines import discount, line_item, shipping_line
from emulators.shopify.order_totals import with_totals
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

# The app that creates orders.
SOURCE = "300000001"
FIRST_ORDER = 1001


def create(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderCreate`."""
    input = args["order"]
    flaws = order_input.flaws(context, input)
    if flaws:
        raise Refused(*flaws)

    order_id = new_gid(context.state, records.ORDER)
    try:
        marked = metafields.with_values(
            context, records.ORDER, {"id": order_id}, input.get("metafields"), ["order", "metafields"]
        )
    except Refused as refused:
        # The error type of this mutation has no code for a taken value.
        raise Refused(*({**error, "code": "INVALID"} for error in refused.errors)) from refused
    customer = _buyer(context, input)
    order = {
        **marked,
        **_head(context, input, customer),
        **_people(context, input, customer),
        **_body(context, input),
    }
    order = with_totals(_fulfilled(order, input.get("fulfillmentStatus")))
    return {"order": records.save(context.state, records.ORDER, order, context.now), "userErrors": []}


def order_number(context: Context) -> int:
    """Return the next order number."""
    return context.state.next_id("order number", FIRST_ORDER)


def _buyer(context: Context, input: JsonRecord) -> JsonRecord | None:
    """Return the customer to associate, None for a guest. An order with only an e-mail address stays a guest's."""
    choice = (input.get("customer") or {}).get("toAssociate")
    if not choice:
        return None
    customer = records.load(context.state, records.CUSTOMER, choice.get("id") or "")
    if customer is None:
        path = ["order", "customer", "toAssociate", "id"]
        raise Refused(user_error(path, "Customer does not exist", "INVALID"))
    return customer


def _head(context: Context, input: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    number = order_number(context)
    name = input.get("name") or f"#{number}"
    digits = re.search(r"[0-9]+", name)
    now = moment(context.now)
    return {
        "name": name,
        # Shopify's number has 32 bits; a name from another system may have more digits.
        "number": int(digits[0]) if digits and len(digits[0]) < 10 else number,
        "createdAt": now,
        "updatedAt": now,
        "processedAt": input.get("processedAt") or now,
        "test": bool(input.get("test")),
        "note": input.get("note"),
        "tags": tags.tidy(input.get("tags") or []),
        "customAttributes": input.get("customAttributes") or [],
        "sourceName": SOURCE,
        "customer": {"id": customer["id"]} if customer else None,
    }


def _people(context: Context, input: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    billing, shipping = (
        address(context.state, input[kind], owner="Address") if input.get(kind) else None
        for kind in ("billingAddress", "shippingAddress")
    )
    return {
        "email": tidy_email(input.get("email")) or (records.email_of(customer) if customer else None),
        "phone": input.get("phone"),
        "billingAddress": billing,
        "shippingAddress": shipping,
    }


def _body(context: Context, input: JsonRecord) -> JsonRecord:
    state = context.state
    currency = order_input.currency_of(input)
    items, shipped = input["lineItems"], input.get("shippingLines") or []
    wholes = [read(line.get("priceSet")) * line["quantity"] for line in items]
    off = discount(input.get("discountCode") or {}, wholes, [read(line["priceSet"]) for line in shipped], currency)
    lines = [
        line_item(state, line, part, off.application, currency) for line, part in zip(items, off.of_items, strict=True)
    ]
    shipping = [
        shipping_line(state, line, part, off.application, currency)
        for line, part in zip(shipped, off.of_shipping, strict=True)
    ]
    return {
        "currencyCode": currency,
        "presentmentCurrencyCode": input.get("presentmentCurrency") or currency,
        "taxesIncluded": bool(input.get("taxesIncluded")),
        "lineItems": {"nodes": lines},
        "shippingLines": {"nodes": shipping},
        "discountApplications": {"nodes": [off.application] if off.application else []},
        "transactions": [payments.from_input(context, one, currency) for one in input.get("transactions") or ()],
        "refunds": [],
    }


def _fulfilled(order: JsonRecord, status: str | None) -> JsonRecord:
    """Return the new order with its fulfillment status, which applies to the lines (PARTIAL to the first one only),
    without a `Fulfillment`."""
    lines = listed(order["lineItems"])
    done = lines if status == "FULFILLED" else lines[:1] if status == "PARTIAL" else []
    displayed = {"FULFILLED": "FULFILLED", "PARTIAL": "PARTIALLY_FULFILLED"}
    return {
        **order,
        "lineItems": {"nodes": [{**line, "unfulfilledQuantity": 0} if line in done else line for line in lines]},
        "displayFulfillmentStatus": displayed.get(status or "", "UNFULFILLED"),
        "fulfillments": [],
    }
