"""Check the input of `orderCreate`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from emulators.shopify import tags
from emulators.shopify.context import Context
from emulators.shopify.errors import user_error
from emulators.shopify.ids import read_moment
from emulators.shopify.money import Currencies

JsonRecord = dict[str, Any]
Path = list[str]

SHOP_CURRENCY = "USD"
_DISCOUNTS = ("freeShippingDiscountCode", "itemFixedDiscountCode", "itemPercentageDiscountCode")


def currencies_of(input: JsonRecord) -> Currencies:
    """Return the order's currencies: the shop's own by default; the buyer's from the first amount with one."""
    shop = input.get("currency") or SHOP_CURRENCY
    presentment = (bag["presentmentMoney"]["currencyCode"] for _, bag in bags(input) if bag.get("presentmentMoney"))
    return Currencies(shop=shop, presentment=input.get("presentmentCurrency") or next(presentment, shop))


def bags(value: Any, path: tuple[str, ...] = ("order",)) -> Iterator[tuple[Path, JsonRecord]]:
    """Yield every `MoneyBagInput` of an input with its path."""
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from bags(one, (*path, str(place)))
    elif isinstance(value, dict) and "shopMoney" in value:
        yield list(path), value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from bags(one, (*path, name))


def flaws(context: Context, input: JsonRecord) -> list[JsonRecord]:
    """Return user errors, none if the input is valid."""
    order_flaws = [
        *_whole_flaws(context, input),
        *_line_flaws(input),
        *_tax_flaws(input),
        *_money_flaws(input),
        *tags.flaws(input.get("tags"), ["order", "tags"]),
    ]
    return [{**flaw, "code": _code(flaw["code"])} for flaw in order_flaws]


def _whole_flaws(context: Context, input: JsonRecord) -> Iterator[JsonRecord]:
    if input.get("customerId") and input.get("customer"):
        yield user_error(["order"], "Customer fields are redundant", "REDUNDANT_CUSTOMER_FIELDS")
    processed = read_moment(input["processedAt"]) if input.get("processedAt") else None
    if processed is not None and processed > datetime.fromtimestamp(context.now, UTC):
        yield user_error(["order", "processedAt"], "Processed at is invalid", "PROCESSED_AT_INVALID")
    discount = input.get("discountCode") or {}
    if sum(1 for kind in _DISCOUNTS if discount.get(kind)) > 1:
        yield user_error(["order", "discountCode"], "Only one type of discount can be applied", "INVALID")
    percentage = (discount.get("itemPercentageDiscountCode") or {}).get("percentage") or 0
    if not 0 <= percentage <= 100:
        path = ["order", "discountCode", "itemPercentageDiscountCode", "percentage"]
        yield user_error(path, "Percentage must be between 0 and 100", "INVALID")


def _line_flaws(input: JsonRecord) -> Iterator[JsonRecord]:
    lines = input.get("lineItems") or []
    if not lines:
        yield user_error(["order", "lineItems"], "Line items must have at least one line item", "INVALID")
    for place, line in enumerate(lines):
        path = ["order", "lineItems", str(place)]
        if line["quantity"] < 1:
            yield user_error([*path, "quantity"], "Quantity must be greater than 0", "INVALID")
        if not line.get("title") and not line.get("variantId") and not line.get("productId"):
            yield user_error([*path, "title"], "Title can't be blank", "INVALID")
        if line.get("priceSet") is None and not line.get("variantId"):
            yield user_error([*path, "priceSet"], "Price can't be blank", "INVALID")


def _tax_flaws(input: JsonRecord) -> Iterator[JsonRecord]:
    lines = [*(input.get("lineItems") or ()), *(input.get("shippingLines") or ())]
    if input.get("taxLines") and any(line.get("taxLines") for line in lines):
        message = "Tax lines must be associated with either order or line item but not both"
        yield user_error(["order", "taxLines"], message, "INVALID")


def _money_flaws(input: JsonRecord) -> Iterator[JsonRecord]:
    currencies = currencies_of(input)
    for path, bag in bags(input):
        for side, currency in (("shopMoney", currencies.shop), ("presentmentMoney", currencies.presentment)):
            money = bag.get(side)
            if money is not None and money["currencyCode"] != currency:
                message = f"Currency must be {currency}, the currency of the order"
                yield user_error([*path, side, "currencyCode"], message, "INVALID")
            if money is not None and money["amount"].startswith("-"):
                yield user_error([*path, side, "amount"], "Amount must be greater than or equal to 0", "INVALID")


def _code(code: str | None) -> str:
    """Return the code of an error. `OrderCreateUserErrorCode` has few; all others become INVALID."""
    own = ("PROCESSED_AT_INVALID", "REDUNDANT_CUSTOMER_FIELDS")
    return code if code in own else "INVALID"
