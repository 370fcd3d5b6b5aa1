"""`orderCreate`: an order from another system, with custom line items, created in one step."""

import base64
import hashlib
import re
from typing import Any

from emulators.shopify import metafields, order_input, payments, records, tags
from emulators.shopify.addresses import address, same_place
from emulators.shopify.buyers import buyer
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email
from emulators.shopify.errors import Refused
from emulators.shopify.fulfillments import with_fulfillment
from emulators.shopify.ids import gid, moment, new_gid
from emulators.shopify.money import read
from emulators.shopify.order_lines import Pricing, discount, line_item, shipping_line, summed_taxes, tax_line
from emulators.shopify.order_totals import with_totals

JsonRecord = dict[str, Any]

APP = {"id": gid("App", 300000001), "name": "Lockstitch"}
FIRST_ORDER = 1001


def create(context: Context, args: JsonRecord) -> JsonRecord:
    """`orderCreate`. Its `options` about notifications and stock have no effect here."""
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
    customer = buyer(context, input)
    order = {
        **marked,
        **_head(context, input, customer),
        **_people(context, input, customer),
        **_body(context, input),
    }
    order = with_totals(with_fulfillment(context, order, input), input.get("financialStatus"))
    return {"order": records.save(context.state, records.ORDER, order, context.now), "userErrors": []}


def order_number(context: Context) -> int:
    """Return the next order number."""
    return context.state.next_id("order number", FIRST_ORDER)


def confirmation_number(order_id: str) -> str:
    """Return nine letters and digits that identify an order to its buyer."""
    return base64.b32encode(hashlib.sha256(order_id.encode()).digest()).decode()[:9]


def _head(context: Context, input: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    number = order_number(context)
    name = input.get("name") or f"#{number}"
    digits = re.search(r"[0-9]+", name)
    now = moment(context.now)
    return {
        "name": name,
        # Shopify's number has 32 bits; a name from another system may have more digits.
        "number": int(digits[0]) if digits and len(digits[0]) < 10 else number,
        "confirmationNumber": confirmation_number(f"{number}"),
        "createdAt": now,
        "updatedAt": now,
        "processedAt": input.get("processedAt") or now,
        "closed": input.get("closedAt") is not None,
        "closedAt": input.get("closedAt"),
        "test": bool(input.get("test")),
        "note": input.get("note"),
        "tags": tags.tidy(input.get("tags") or []),
        "customAttributes": input.get("customAttributes") or [],
        "poNumber": input.get("poNumber"),
        "sourceName": input.get("sourceName") or "300000001",
        "sourceIdentifier": input.get("sourceIdentifier"),
        "app": APP,
        "customerAcceptsMarketing": bool(input.get("buyerAcceptsMarketing")),
        "customer": {"id": customer["id"]} if customer else None,
    }


def _people(context: Context, input: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    billing, shipping = (
        address(context.state, input[kind], owner="Address") if input.get(kind) else None
        for kind in ("billingAddress", "shippingAddress")
    )
    email = tidy_email(input.get("email")) or (records.email_of(customer) if customer else None)
    return {
        "email": email,
        "phone": input.get("phone"),
        "billingAddress": billing,
        "shippingAddress": shipping,
        "displayAddress": shipping or billing,
        "billingAddressMatchesShippingAddress": billing is not None and same_place(billing, shipping),
        "canNotifyCustomer": email is not None,
    }


def _body(context: Context, input: JsonRecord) -> JsonRecord:
    state = context.state
    currencies = order_input.currencies_of(input)
    pricing = Pricing(currencies=currencies, taxes_included=bool(input.get("taxesIncluded")))
    items, shipped = input["lineItems"], input.get("shippingLines") or []
    wholes = [read(line.get("priceSet")).times(line["quantity"]) for line in items]
    off = discount(input.get("discountCode") or {}, wholes, [read(line["priceSet"]) for line in shipped], pricing)
    lines = [
        line_item(state, line, part, off.application, pricing) for line, part in zip(items, off.of_items, strict=True)
    ]
    shipping = [
        shipping_line(state, line, part, off.application, pricing)
        for line, part in zip(shipped, off.of_shipping, strict=True)
    ]
    order = {
        "currencyCode": currencies.shop,
        "presentmentCurrencyCode": currencies.presentment,
        "taxesIncluded": pricing.taxes_included,
        "lineItems": {"nodes": lines},
        "shippingLines": {"nodes": shipping},
        "shippingLine": shipping[0] if shipping else None,
        "discountApplications": {"nodes": [off.application] if off.application else []},
        "discountCode": off.application["code"] if off.application else None,
        "discountCodes": [off.application["code"]] if off.application else [],
        "taxLines": summed_taxes([*lines, *shipping], pricing),
        "transactions": [payments.from_input(context, one, currencies) for one in input.get("transactions") or ()],
        "refunds": [],
    }
    if not input.get("taxLines"):
        return order
    value = read(with_totals(order)["totalPriceSet"])
    whole = [tax_line(one, value, pricing) for one in input["taxLines"]]
    return {**order, "taxLines": whole, "taxedAsAWhole": True}
