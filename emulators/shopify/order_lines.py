"""The lines of a new order: items, shipping, the one discount code, and the taxes that the caller computed."""

from decimal import Decimal
from typing import Any

import msgspec

from emulators.shopify.ids import gid, new_gid, number_of
from emulators.shopify.money import NOTHING, decimal_text, read, rounded, shared_out, written
from emulators.state import State

JsonRecord = dict[str, Any]


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """The order's discount as a `DiscountCodeApplication`, and the part of each line."""

    application: JsonRecord | None
    of_items: list[Decimal]
    of_shipping: list[Decimal]


def discount(input: JsonRecord, items: list[Decimal], shipping: list[Decimal], currency: str) -> Discount:
    """Return the discount of an `OrderCreateDiscountCodeInput`, empty for none. `items` and `shipping` are the totals
    before it."""
    nothing = [NOTHING for _ in items]
    if free := input.get("freeShippingDiscountCode"):
        application = _application(free["code"], {"percentage": 100.0, "__typename": "PricingPercentageValue"})
        application["targetType"] = "SHIPPING_LINE"
        return Discount(application=application, of_items=nothing, of_shipping=shipping)

    none = [NOTHING for _ in shipping]
    fixed = input.get("itemFixedDiscountCode")
    if not fixed:
        return Discount(application=None, of_items=nothing, of_shipping=none)
    amount = min(read(fixed.get("amountSet")), sum(items, NOTHING))
    value = {
        "amount": decimal_text(rounded(amount, currency)),
        "currencyCode": currency,
        "__typename": "MoneyV2",
    }
    parts = shared_out(amount, items, currency)
    return Discount(application=_application(fixed["code"], value), of_items=parts, of_shipping=none)


def line_item(
    state: State, input: JsonRecord, off: Decimal, application: JsonRecord | None, currency: str
) -> JsonRecord:
    """Return a `LineItem` from its input. `off` is its part of the order's discount, which is only in
    `discountAllocations`."""
    quantity: int = input["quantity"]
    unit = read(input.get("priceSet"))
    title = input.get("title") or "Item"
    return {
        "id": new_gid(state, "LineItem"),
        "title": title,
        "name": title,
        "quantity": quantity,
        "currentQuantity": quantity,
        "unfulfilledQuantity": quantity,
        "sku": input.get("sku"),
        "requiresShipping": bool(input.get("requiresShipping")),
        "taxable": bool(input.get("taxable")),
        "customAttributes": [{"key": one["name"], "value": one["value"]} for one in input.get("properties") or ()],
        "product": _reference("Product", input.get("productId")),
        "variant": _reference("ProductVariant", input.get("variantId")),
        "originalUnitPriceSet": {"shopMoney": {"amount": decimal_text(unit), "currencyCode": currency}},
        "originalTotalSet": written(unit * quantity, currency),
        "discountAllocations": _allocations(off, application, currency),
        "taxLines": [tax_line(one, currency) for one in input.get("taxLines") or ()],
    }


def shipping_line(
    state: State, input: JsonRecord, off: Decimal, application: JsonRecord | None, currency: str
) -> JsonRecord:
    """Return a `ShippingLine` from its input."""
    return {
        "id": new_gid(state, "ShippingLine"),
        "title": input["title"],
        "originalPriceSet": written(read(input["priceSet"]), currency),
        "discountAllocations": _allocations(off, application, currency),
        "taxLines": [tax_line(one, currency) for one in input.get("taxLines") or ()],
    }


def tax_line(input: JsonRecord, currency: str) -> JsonRecord:
    """Return a `TaxLine`."""
    return {"title": input["title"], "priceSet": written(read(input.get("priceSet")), currency)}


def _application(code: str, value: JsonRecord) -> JsonRecord:
    return {
        "__typename": "DiscountCodeApplication",
        "code": code,
        "index": 0,
        "targetType": "LINE_ITEM",
        "value": value,
    }


def _allocations(off: Decimal, application: JsonRecord | None, currency: str) -> list[JsonRecord]:
    if application is None or off == NOTHING:
        return []
    return [{"allocatedAmountSet": written(off, currency), "discountApplication": application}]


def _reference(kind: str, id: str | None) -> JsonRecord | None:
    return {"id": gid(kind, number_of(id))} if id else None
