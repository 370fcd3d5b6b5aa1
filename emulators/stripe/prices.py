"""Prices of the account, and prices created for one checkout."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe.amounts import currency, plain
from emulators.stripe.desk import Desk
from emulators.stripe.errors import invalid, missing_parameter
from emulators.stripe.params import choice, decimal, hash_of, metadata, text, whole

PRODUCT = hash_of({"name": text(), "description": text(), "metadata": metadata, "tax_code": text()})
PRICE_DATA = hash_of(
    {
        "currency": currency,
        "product": text(),
        "product_data": PRODUCT,
        "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
        "unit_amount": whole,
        "unit_amount_decimal": decimal,
    }
)


def of_line(desk: Desk, line: dict[str, Any], within: str) -> JsonRecord:
    """Return the price of a line: an existing or a new one. Raises Refusal if neither is sent, or both."""
    data, id = line.get("price_data"), line.get("price")
    if (data is None) == (id is None):
        raise missing_parameter(f"{within}[price]")
    if id is not None:
        return desk.alive("prices", id, f"{within}[price]", 400)
    return _made(desk, data or {}, f"{within}[price_data]")


def named(desk: Desk, price: JsonRecord) -> str:
    """Return the name of a line with this price."""
    product = desk.state.get("products", str(price["product"]))
    return str((product or {}).get("name") or price.get("nickname") or "Item")


def _made(desk: Desk, data: dict[str, Any], within: str) -> JsonRecord:
    if not data.get("currency"):
        raise missing_parameter(f"{within}[currency]")
    amount, exact = data.get("unit_amount"), data.get("unit_amount_decimal")
    if (amount is None) == (exact is None):
        raise missing_parameter(f"{within}[unit_amount]")
    unit = str(amount) if exact is None else _shortest(str(exact))
    if unit.startswith("-"):
        raise invalid(f"{within}[unit_amount]", "Invalid non-negative integer", "parameter_invalid_integer")
    price: JsonRecord = {
        "id": desk.new_id("prices"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": desk.now,
        "currency": data["currency"],
        "livemode": desk.live,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": data.get("product") or _product(desk, data.get("product_data"), within),
        "recurring": None,
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "type": "one_time",
        "unit_amount": plain(unit),
        "unit_amount_decimal": unit,
    }
    desk.keep("prices", price)
    return price


def _product(desk: Desk, data: dict[str, Any] | None, within: str) -> str:
    if data is None or not data.get("name"):
        raise missing_parameter(f"{within}[product_data][name]")
    product: JsonRecord = {
        "id": desk.new_id("products"),
        "object": "product",
        "active": False,
        "created": desk.now,
        "livemode": desk.live,
        "metadata": data.get("metadata", {}),
        "name": data["name"],
    }
    desk.keep("products", product)
    return str(product["id"])


def _shortest(decimal_text: str) -> str:
    return decimal_text.rstrip("0").rstrip(".") if "." in decimal_text else decimal_text
