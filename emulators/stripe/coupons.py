"""Coupons, created before the checkout that uses them."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe.amounts import currency
from emulators.stripe.desk import Desk, random_text
from emulators.stripe.errors import invalid, missing_parameter
from emulators.stripe.params import EXPAND, Check, choice, decimal, judged, merged, metadata, text, whole

CREATES: dict[str, Check] = {
    "amount_off": whole,
    "currency": currency,
    "duration": choice("forever", "once", "repeating"),
    "expand": EXPAND,
    "id": text(),
    "max_redemptions": whole,
    "metadata": metadata,
    "name": text(40),
    "percent_off": decimal,
}


def create(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Create a coupon: an amount in a currency, or a percentage."""
    read = judged(values, CREATES)
    amount, percent = read.get("amount_off"), read.get("percent_off")
    if (amount is None) == (percent is None):
        raise missing_parameter("percent_off")
    if amount is not None and amount < 1:
        raise invalid("amount_off", "Invalid positive integer", "parameter_invalid_integer")
    if amount is not None and "currency" not in read:
        raise missing_parameter("currency")
    id = read.get("id") or random_text(8)
    if desk.state.get("coupons", id) is not None:
        raise invalid("id", "Coupon already exists.", "resource_already_exists")
    coupon: JsonRecord = {
        "id": id,
        "object": "coupon",
        "amount_off": amount,
        "created": desk.now,
        "currency": read.get("currency"),
        "duration": read.get("duration", "once"),
        "livemode": desk.live,
        "max_redemptions": read.get("max_redemptions"),
        "metadata": merged({}, read.get("metadata", {})),
        "name": read.get("name"),
        "percent_off": None if percent is None else float(percent),
        "times_redeemed": 0,
        "valid": True,
    }
    desk.keep("coupons", coupon)
    return coupon


def show(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Return one coupon."""
    judged(values, {"expand": EXPAND})
    return desk.get("coupons", ids[0])
