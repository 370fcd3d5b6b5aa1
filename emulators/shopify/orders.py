"""`orderCreate`: an order from another system, with custom line items, made in one step."""

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
    """`orderCreate`. Its `options` say who is notified and what the stock does: no one, and there is none."""
    given = args["order"]
    flaws = order_input.flaws(context, given)
    if flaws:
        raise Refused(*flaws)

    order_id = new_gid(context.state, records.ORDER)
    try:
        marked = metafields.with_values(
            context, records.ORDER, {"id": order_id}, given.get("metafields"), ["order", "metafields"]
        )
    except Refused as refused:
        # The error type of this mutation has no word for a value that is taken.
        raise Refused(*({**error, "code": "INVALID"} for error in refused.errors)) from refused
    customer = buyer(context, given)
    order = {
        **marked,
        **_head(context, given, customer),
        **_people(context, given, customer),
        **_body(context, given),
    }
    order = with_totals(with_fulfillment(context, order, given), given.get("financialStatus"))
    return {"order": records.save(context.state, records.ORDER, order, context.now), "userErrors": []}


def order_number(context: Context) -> int:
    """The next number that people call an order by."""
    return context.state.next_id("order number", FIRST_ORDER)


def confirmation_number(order_id: str) -> str:
    """Nine letters and digits that stand for an order towards its buyer."""
    return base64.b32encode(hashlib.sha256(order_id.encode()).digest()).decode()[:9]


def _head(context: Context, given: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    number = order_number(context)
    name = given.get("name") or f"#{number}"
    digits = re.search(r"[0-9]+", name)
    now = moment(context.now)
    return {
        "name": name,
        # The column that Shopify counts in has 32 bits; a name from elsewhere may hold longer digits.
        "number": int(digits[0]) if digits and len(digits[0]) < 10 else number,
        "confirmationNumber": confirmation_number(f"{number}"),
        "createdAt": now,
        "updatedAt": now,
        "processedAt": given.get("processedAt") or now,
        "closed": given.get("closedAt") is not None,
        "closedAt": given.get("closedAt"),
        "test": bool(given.get("test")),
        "note": given.get("note"),
        "tags": tags.tidy(given.get("tags") or []),
        "customAttributes": given.get("customAttributes") or [],
        "poNumber": given.get("poNumber"),
        "sourceName": given.get("sourceName") or "300000001",
        "sourceIdentifier": given.get("sourceIdentifier"),
        "app": APP,
        "customerAcceptsMarketing": bool(given.get("buyerAcceptsMarketing")),
        "customer": {"id": customer["id"]} if customer else None,
    }


def _people(context: Context, given: JsonRecord, customer: JsonRecord | None) -> JsonRecord:
    billing, shipping = (
        address(context.state, given[kind], owner="Address") if given.get(kind) else None
        for kind in ("billingAddress", "shippingAddress")
    )
    email = tidy_email(given.get("email")) or (records.email_of(customer) if customer else None)
    return {
        "email": email,
        "phone": given.get("phone"),
        "billingAddress": billing,
        "shippingAddress": shipping,
        "displayAddress": shipping or billing,
        "billingAddressMatchesShippingAddress": billing is not None and same_place(billing, shipping),
        "canNotifyCustomer": email is not None,
    }


def _body(context: Context, given: JsonRecord) -> JsonRecord:
    state = context.state
    currencies = order_input.currencies_of(given)
    pricing = Pricing(currencies=currencies, taxes_included=bool(given.get("taxesIncluded")))
    items, shipped = given["lineItems"], given.get("shippingLines") or []
    wholes = [read(line.get("priceSet")).times(line["quantity"]) for line in items]
    off = discount(given.get("discountCode") or {}, wholes, [read(line["priceSet"]) for line in shipped], pricing)
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
        "transactions": [payments.from_input(context, one, currencies) for one in given.get("transactions") or ()],
        "refunds": [],
    }
    if not given.get("taxLines"):
        return order
    value = read(with_totals(order)["totalPriceSet"])
    whole = [tax_line(one, value, pricing) for one in given["taxLines"]]
    return {**order, "taxLines": whole, "taxedAsAWhole": True}
