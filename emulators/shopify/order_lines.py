"""The lines of a new order: items, shipping, the one discount code, and the taxes that the caller computed."""

from decimal import Decimal
from typing import Any

import msgspec

from emulators.shopify.ids import gid, new_gid, number_of
from emulators.shopify.money import NOTHING, Bag, Currencies, read, shared_out, total, written
from emulators.state import State

JsonRecord = dict[str, Any]


class Pricing(msgspec.Struct, frozen=True, kw_only=True):
    """How to read and write the amounts of one order."""

    currencies: Currencies
    taxes_included: bool

    def bag(self, amount: Bag) -> JsonRecord:
        """Return a `MoneyBag` of this order."""
        return written(amount.rounded(self.currencies), self.currencies)


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """The order's discount as a `DiscountCodeApplication`, and the part of each line."""

    application: JsonRecord | None
    of_items: list[Bag]
    of_shipping: list[Bag]


def discount(input: JsonRecord, items: list[Bag], shipping: list[Bag], pricing: Pricing) -> Discount:
    """Return the discount of an `OrderCreateDiscountCodeInput`, empty for none. `items` and `shipping` are the totals
    before it."""
    nothing = [NOTHING for _ in items]
    if free := input.get("freeShippingDiscountCode"):
        application = _application(free["code"], {"percentage": 100.0, "__typename": "PricingPercentageValue"})
        application["targetType"] = "SHIPPING_LINE"
        return Discount(application=application, of_items=nothing, of_shipping=shipping)

    none = [NOTHING for _ in shipping]
    whole = total(items)
    if fixed := input.get("itemFixedDiscountCode"):
        code, amount = fixed["code"], read(fixed.get("amountSet")).at_most(whole)
        value = {**pricing.bag(amount)["shopMoney"], "__typename": "MoneyV2"}
    elif percentage := input.get("itemPercentageDiscountCode"):
        code, share = percentage["code"], Decimal(str(percentage.get("percentage") or 0))
        amount = whole.times(share / 100).rounded(pricing.currencies).at_most(whole)
        value = {"percentage": float(share), "__typename": "PricingPercentageValue"}
    else:
        return Discount(application=None, of_items=nothing, of_shipping=none)
    parts = shared_out(amount, items, pricing.currencies)
    return Discount(application=_application(code, value), of_items=parts, of_shipping=none)


def line_item(
    state: State, input: JsonRecord, off: Bag, application: JsonRecord | None, pricing: Pricing
) -> JsonRecord:
    """Return a `LineItem` from its input. `off` is its part of the order's discount.

    A discount on the whole order is only in `discountAllocations`. `totalDiscountSet` and `discountedTotalSet` are
    about discounts on the line itself, which an order created by an app cannot have.
    """
    quantity: int = input["quantity"]
    unit = read(input.get("priceSet"))
    whole = unit.times(quantity)
    left = whole.minus(off)
    title = input.get("title") or "Item"
    variant_title = input.get("variantTitle")
    return {
        "id": new_gid(state, "LineItem"),
        "title": title,
        "variantTitle": variant_title,
        "name": f"{title} - {variant_title}" if variant_title else title,
        "quantity": quantity,
        "currentQuantity": quantity,
        "refundableQuantity": quantity,
        "unfulfilledQuantity": quantity,
        "sku": input.get("sku"),
        "vendor": input.get("vendor"),
        "isGiftCard": bool(input.get("giftCard")),
        "requiresShipping": bool(input.get("requiresShipping")),
        "taxable": bool(input.get("taxable")),
        "restockable": True,
        "customAttributes": [{"key": one["name"], "value": one["value"]} for one in input.get("properties") or ()],
        "product": _product(input, title),
        "variant": _variant(input),
        "originalUnitPriceSet": written(unit, pricing.currencies),
        "originalTotalSet": pricing.bag(whole),
        "discountedUnitPriceSet": written(unit, pricing.currencies),
        "discountedTotalSet": pricing.bag(whole),
        "discountedUnitPriceAfterAllDiscountsSet": pricing.bag(left.times(Decimal(1) / quantity)),
        "totalDiscountSet": pricing.bag(NOTHING),
        "discountAllocations": _allocations(off, application, pricing),
        "taxLines": [tax_line(one, left, pricing) for one in input.get("taxLines") or ()],
    }


def shipping_line(
    state: State, input: JsonRecord, off: Bag, application: JsonRecord | None, pricing: Pricing
) -> JsonRecord:
    """Return a `ShippingLine` from its input."""
    price = read(input["priceSet"])
    left = price.minus(off)
    return {
        "id": new_gid(state, "ShippingLine"),
        "title": input["title"],
        "code": input.get("code") or input["title"],
        "source": input.get("source"),
        "custom": True,
        "originalPriceSet": pricing.bag(price),
        "discountedPriceSet": pricing.bag(left),
        "currentDiscountedPriceSet": pricing.bag(left),
        "discountAllocations": _allocations(off, application, pricing),
        "taxLines": [tax_line(one, left, pricing) for one in input.get("taxLines") or ()],
    }


def tax_line(input: JsonRecord, base: Bag, pricing: Pricing) -> JsonRecord:
    """Return a `TaxLine`. Without its own price, it is the rate's part of `base`, or the part included in `base` if
    prices include taxes."""
    rate = Decimal(str(input["rate"]))
    if input.get("priceSet"):
        price = read(input["priceSet"])
    elif pricing.taxes_included:
        price = base.times(rate / (1 + rate))
    else:
        price = base.times(rate)
    return {
        "title": input["title"],
        "rate": float(rate),
        "ratePercentage": float(rate * 100),
        "channelLiable": bool(input.get("channelLiable")),
        "priceSet": pricing.bag(price),
    }


def summed_taxes(taxed: list[JsonRecord], pricing: Pricing) -> list[JsonRecord]:
    """Return the order's own `taxLines`: those of its lines, each title and rate once."""
    summed: dict[tuple[str, float], JsonRecord] = {}
    for line in taxed:
        for tax in line["taxLines"]:
            key = (tax["title"], tax["rate"])
            before = read(summed[key]["priceSet"]) if key in summed else NOTHING
            summed[key] = {**tax, "priceSet": pricing.bag(before.plus(read(tax["priceSet"])))}
    return list(summed.values())


def _application(code: str, value: JsonRecord) -> JsonRecord:
    return {
        "__typename": "DiscountCodeApplication",
        "code": code,
        "index": 0,
        "allocationMethod": "ACROSS",
        "targetSelection": "ALL",
        "targetType": "LINE_ITEM",
        "value": value,
    }


def _allocations(off: Bag, application: JsonRecord | None, pricing: Pricing) -> list[JsonRecord]:
    if application is None or off == NOTHING:
        return []
    return [{"allocatedAmountSet": pricing.bag(off), "discountApplication": application}]


def _product(input: JsonRecord, title: str) -> JsonRecord | None:
    if not input.get("productId"):
        return None
    return {"id": gid("Product", number_of(input["productId"])), "title": title}


def _variant(input: JsonRecord) -> JsonRecord | None:
    if not input.get("variantId"):
        return None
    return {
        "id": gid("ProductVariant", number_of(input["variantId"])),
        "title": input.get("variantTitle") or "Default Title",
        "sku": input.get("sku"),
    }
