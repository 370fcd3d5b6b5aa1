"""Check the input of `orderCreate`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from emulators.shopify import tags
from emulators.shopify.context import Context
from emulators.shopify.errors import user_error
from emulators.shopify.ids import read_moment

JsonRecord = dict[str, Any]
Path = list[str]

SHOP_CURRENCY = "USD"


def currency_of(input: JsonRecord) -> str:
    """Return the order's currency: the shop's own by default."""
    return input.get("currency") or SHOP_CURRENCY


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
        *_money_flaws(input),
        *tags.flaws(input.get("tags"), ["order", "tags"]),
    ]
    return [{**flaw, "code": _code(flaw["code"])} for flaw in order_flaws]


def _whole_flaws(context: Context, input: JsonRecord) -> Iterator[JsonRecord]:
    processed = read_moment(input["processedAt"]) if input.get("processedAt") else None
    if processed is not None and processed > datetime.fromtimestamp(context.now, UTC):
        yield user_error(["order", "processedAt"], "Processed at is invalid", "PROCESSED_AT_INVALID")
    discount = input.get("discountCode") or {}
    if discount.get("freeShippingDiscountCode") and discount.get("itemFixedDiscountCode"):
        yield user_error(["order", "discountCode"], "Only one type of discount can be applied", "INVALID")


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


def _money_flaws(input: JsonRecord) -> Iterator[JsonRecord]:
    currency = currency_of(input)
    for path, bag in bags(input):
        money = bag["shopMoney"]
        if money["currencyCode"] != currency:
            message = f"Currency must be {currency}, the currency of the order"
            yield user_error([*path, "shopMoney", "currencyCode"], message, "INVALID")
        if money["amount"].startswith("-"):
            message = "Amount must be greater than or equal to 0"
            yield user_error([*path, "shopMoney", "amount"], message, "INVALID")


def _code(code: str | None) -> str:
    """Return the code of an error. `OrderCreateUserErrorCode` has few; all others become INVALID."""
    return "PROCESSED_AT_INVALID" if code == "PROCESSED_AT_INVALID" else "INVALID"
