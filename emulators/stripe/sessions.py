"""Checkout sessions: open with lines, expire, list. Payment is not emulated: a test places a paid session."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import lists, prices
from emulators.stripe.amounts import currency, payable, step, times
from emulators.stripe.desk import Desk, random_text
from emulators.stripe.errors import invalid, missing_parameter, not_now
from emulators.stripe.params import (
    EXPAND,
    Check,
    choice,
    email,
    hash_of,
    judged,
    list_of,
    merged,
    metadata,
    text,
    url,
    whole,
)

SESSIONS = "checkout_sessions"
URL = "/v1/checkout/sessions"
LIFE = 24 * 3600
LINE = hash_of({"price": text(), "price_data": prices.PRICE_DATA, "quantity": whole, "metadata": metadata})
RATE = hash_of(
    {
        "display_name": text(100),
        "type": choice("fixed_amount"),
        "fixed_amount": hash_of({"amount": whole, "currency": currency}),
        "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
    }
)
CREATES: dict[str, Check] = {
    "cancel_url": url,
    "client_reference_id": text(200),
    "currency": currency,
    "customer": text(),
    "customer_email": email,
    "discounts": list_of(hash_of({"coupon": text(), "promotion_code": text()})),
    "expand": EXPAND,
    "line_items": list_of(LINE),
    "locale": text(),
    "metadata": metadata,
    "mode": choice("payment", "setup", "subscription"),
    "redirect_on_completion": choice("always", "if_required", "never"),
    "return_url": url,
    "shipping_options": list_of(hash_of({"shipping_rate": text(), "shipping_rate_data": RATE})),
    "success_url": url,
    "ui_mode": choice("elements", "embedded_page", "form", "hosted_page"),
}
CHANGES: dict[str, Check] = {"metadata": metadata, "expand": EXPAND}


def create(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Open a checkout."""
    read = judged(values, CREATES)
    if "mode" not in read:
        raise missing_parameter("mode")
    _judge_urls(read)
    customer = desk.alive("customers", read["customer"], "customer", 400) if read.get("customer") else None
    if customer is not None and read.get("customer_email"):
        raise invalid("customer_email", "You may only specify one of these parameters: customer, customer_email.")
    session = blank(desk, desk.new_id(SESSIONS))
    lines = [_line(desk, one, f"line_items[{place}]") for place, one in enumerate(read.get("line_items", []))]
    if read["mode"] == "payment":
        if not lines:
            raise missing_parameter("line_items")
        _add_up(desk, session, lines, read)
    address = customer["email"] if customer is not None else read.get("customer_email")
    session |= {
        "cancel_url": read.get("cancel_url"),
        "client_reference_id": read.get("client_reference_id"),
        "customer": None if customer is None else customer["id"],
        "customer_details": None if address is None else _details(address, customer),
        "customer_email": read.get("customer_email"),
        "metadata": merged({}, read.get("metadata", {})),
        "mode": read["mode"],
        "redirect_on_completion": read.get("redirect_on_completion"),
        "return_url": read.get("return_url"),
        "success_url": read.get("success_url"),
        "ui_mode": read.get("ui_mode", "hosted_page"),
    }
    if session["ui_mode"] == "hosted_page":
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
    else:
        session["client_secret"] = f"{session['id']}_secret_{random_text(24)}"
    session["_lines"] = lines
    desk.keep(SESSIONS, session)
    return session


def show(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Return one checkout."""
    judged(values, {"expand": EXPAND})
    return desk.get(SESSIONS, ids[0])


def update(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Change metadata. Nothing else can change here."""
    read = judged(values, CHANGES)
    session = desk.get(SESSIONS, ids[0])
    if "metadata" in read:
        session["metadata"] = merged(session["metadata"], read["metadata"])
    desk.keep(SESSIONS, session)
    return session


def expire(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Expire an open checkout."""
    judged(values, {"expand": EXPAND})
    session = desk.get(SESSIONS, ids[0])
    if session["status"] != "open":
        raise not_now(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
    session |= {"status": "expired", "url": None, "expires_at": desk.now}
    desk.keep(SESSIONS, session)
    return session


def list_all(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List checkouts, newest first."""
    more: dict[str, Check] = {
        "customer": text(),
        "customer_details": hash_of({"email": text()}),
        "payment_intent": text(),
        "status": choice("open", "complete", "expired"),
    }
    read = judged(values, lists.PAGING | more)
    wanted = {name: read[name] for name in more if read.get(name) and name != "customer_details"}
    sessions = [
        one for one in desk.state.all(SESSIONS) if all(one.get(name) == value for name, value in wanted.items())
    ]
    if read.get("customer_details"):
        email = read["customer_details"].get("email")
        sessions = [one for one in sessions if (one["customer_details"] or {}).get("email") == email]
    return lists.page(sessions, read, URL)


def list_lines(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List the lines of a checkout, in order."""
    session = desk.get(SESSIONS, ids[0])
    return lists.page(
        session.get("_lines", [])[::-1], judged(values, lists.PAGING), f"{URL}/{session['id']}/line_items"
    )


def line_items(desk: Desk, session: JsonRecord) -> JsonRecord:
    """Return the lines, which a checkout omits by default."""
    lines = session.get("_lines") or []
    return {
        "object": "list",
        "data": lines[: lists.USUAL],
        "has_more": len(lines) > lists.USUAL,
        "url": f"{URL}/{session['id']}/line_items",
    }


def blank(desk: Desk, id: str) -> JsonRecord:
    """Return an empty checkout."""
    return {
        "id": id,
        "object": "checkout.session",
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "created": desk.now,
        "currency": None,
        "custom_fields": [],
        "customer": None,
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": desk.now + LIFE,
        "invoice": None,
        "livemode": desk.live,
        "locale": None,
        "metadata": {},
        "mode": "payment",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "presentment_details": None,
        "setup_intent": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
    }


def _judge_urls(read: dict[str, Any]) -> None:
    mode = read.get("ui_mode", "hosted_page")
    if mode == "hosted_page" and not read.get("success_url"):
        raise missing_parameter("success_url")
    if mode == "embedded_page":
        for name in ("success_url", "cancel_url"):
            if read.get(name):
                raise invalid(name, f"`{name}` is not supported when `ui_mode` is `embedded_page`.")
        if read.get("redirect_on_completion") != "never" and not read.get("return_url"):
            raise missing_parameter("return_url")


def _line(desk: Desk, sent: dict[str, Any], within: str) -> JsonRecord:
    price = prices.of_line(desk, sent, within)
    quantity = int(sent.get("quantity", 1))
    if quantity < 0:
        raise invalid(f"{within}[quantity]", "Invalid non-negative integer", "parameter_invalid_integer")
    amount = payable(within, times(price["unit_amount_decimal"], quantity), price["currency"])
    return {
        "id": f"li_{random_text(24)}",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": prices.named(desk, price),
        "metadata": merged({}, sent.get("metadata", {})),
        "price": price,
        "quantity": quantity,
    }


def _add_up(desk: Desk, session: JsonRecord, lines: list[JsonRecord], read: dict[str, Any]) -> None:
    codes: set[str] = {str(line["currency"]) for line in lines} | {str(read.get("currency", lines[0]["currency"]))}
    options = read.get("shipping_options", [])
    rates = [(one or {}).get("shipping_rate_data") or {} for one in options]
    codes |= {rate["fixed_amount"]["currency"] for rate in rates if rate.get("fixed_amount")}
    if len(codes) != 1:
        raise invalid("line_items", "The same currency must be used in all prices of a Checkout Session.")
    code = codes.pop()
    subtotal = sum(line["amount_subtotal"] for line in lines)
    off = _discounted(desk, session, lines, read, code)
    made = [_rate(desk, rate) for rate in rates]
    shipping = payable("shipping_options", rates[0]["fixed_amount"]["amount"], code) if rates else 0
    session |= {
        "currency": code,
        "amount_subtotal": subtotal,
        "amount_total": subtotal - off + shipping,
        "shipping_cost": None
        if not rates
        else {"amount_subtotal": shipping, "amount_tax": 0, "amount_total": shipping, "shipping_rate": made[0]["id"]},
        "shipping_options": [
            {"shipping_amount": rate["fixed_amount"]["amount"], "shipping_rate": one["id"]}
            for rate, one in zip(rates, made, strict=True)
        ],
        "total_details": {"amount_discount": off, "amount_shipping": shipping, "amount_tax": 0},
    }


def _rate(desk: Desk, rate: dict[str, Any]) -> JsonRecord:
    made = {**rate, "id": desk.new_id("shipping_rates"), "object": "shipping_rate", "active": True, "metadata": {}}
    desk.keep("shipping_rates", made)
    return made


def _discounted(desk: Desk, session: JsonRecord, lines: list[JsonRecord], read: dict[str, Any], code: str) -> int:
    """Return the discount of the coupon: at most the sum of the lines, without the shipping."""
    sent = read.get("discounts") or []
    if len(sent) > 1:
        raise invalid("discounts", "You may only specify one discount.")
    session["discounts"] = [{"coupon": one.get("coupon"), "promotion_code": one.get("promotion_code")} for one in sent]
    if not sent:
        return 0
    coupon = desk.alive("coupons", str(sent[0].get("coupon")), "discounts[0][coupon]", 400)
    if coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]:
        raise invalid("discounts[0][coupon]", f"Coupon {coupon['id']} is used up and cannot be applied.")
    subtotal = sum(line["amount_subtotal"] for line in lines)
    if coupon["amount_off"] is None:
        off = times(str(coupon["percent_off"] / 100), subtotal // step(code)) * step(code)
    elif coupon["currency"] != code:
        raise invalid("discounts[0][coupon]", f"The coupon is in {coupon['currency']}, the checkout in {code}.")
    else:
        off = min(int(coupon["amount_off"]), subtotal)
    left = off
    for line in lines:
        share = off * line["amount_subtotal"] // subtotal
        part = left if line is lines[-1] else share - share % step(code)
        line |= {"amount_discount": part, "amount_total": line["amount_subtotal"] - part}
        left -= part
    return off


def _details(address: str | None, customer: JsonRecord | None) -> JsonRecord:
    return {
        "address": None,
        "email": address,
        "name": None if customer is None else customer["name"],
        "phone": None,
        "tax_exempt": "none" if customer is None else customer["tax_exempt"],
        "tax_ids": None,
    }
