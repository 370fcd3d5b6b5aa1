"""Checkouts and invoices, as Stripe's own package meets them."""

from typing import Any

import pytest
import stripe

from tests.required import required

from .conftest import Shop, error


def test_a_checkout_is_opened_with_its_lines_and_ended(shop: Shop) -> None:
    rate = {"type": "fixed_amount", "display_name": "Post", "fixed_amount": {"amount": 500, "currency": "eur"}}
    session = shop.checkout(shipping_options=[{"shipping_rate_data": rate}], customer_email="ann@example.com")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (3980, 4480, "eur")
    assert (session.status, session.payment_status, session.url is None) == ("open", "unpaid", False)
    assert "line_items" not in session.to_dict()
    whole = shop.sdk.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert whole.line_items is not None
    (line,) = whole.line_items.data
    assert (line.description, line.quantity, line.amount_subtotal) == ("Mug", 2, 3980)
    changed = shop.sdk.checkout.sessions.update(session.id, {"metadata": {"a": "1"}})
    assert changed.metadata is not None
    assert changed.metadata["a"] == "1"
    assert shop.sdk.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        shop.sdk.checkout.sessions.expire(session.id)


def test_a_price_that_is_there_is_taken(shop: Shop) -> None:
    price = {"currency": "eur", "unit_amount_decimal": "500", "nickname": "Lesson", "product": "prod_1"}
    placed = shop.emulators.place("stripe", "prices", price)
    session = shop.checkout(line_items=[{"price": placed["id"], "quantity": 3}])
    assert session.amount_total == 1500


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"success_url": None}, "success_url"),
        ({"success_url": "shop"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price]"),
        ({"customer": "cus_none"}, "customer"),
        ({"ui_mode": "embedded_page"}, "success_url"),
        ({"ui_mode": "embedded_page", "success_url": None}, "return_url"),
        ({"mode": None}, "mode"),
        ({"currency": "xxx"}, "currency"),
        ({"currency": "usd"}, "line_items"),
    ],
)
def test_a_checkout_that_cannot_be_is_refused(shop: Shop, change: dict[str, Any], param: str) -> None:
    params = {name: value for name, value in change.items() if value is not None}
    base: Any = {"mode": "payment", "success_url": "https://shop.example/"} | params
    for name in [name for name, value in change.items() if value is None]:
        base.pop(name, None)
    line = {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 1990, "product_data": {"name": "Mug"}}}
    base.setdefault("line_items", [line])
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.sdk.checkout.sessions.create(base)
    assert refusal.value.param == param


def test_an_embedded_checkout_needs_no_page(shop: Shop) -> None:
    line = {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 100, "product_data": {"name": "Pin"}}}
    params: Any = {
        "mode": "payment",
        "ui_mode": "embedded_page",
        "redirect_on_completion": "never",
        "line_items": [line],
    }
    session = shop.sdk.checkout.sessions.create(params)
    assert (session.url, session.client_secret is None) == (None, False)


@pytest.mark.parametrize(
    ("currency", "amount", "taken"),
    [("jpy", 1099, True), ("isk", 1050, False), ("isk", 1100, True), ("kwd", 5125, False), ("kwd", 5120, True)],
)
def test_amounts_that_a_currency_has_not_are_refused(shop: Shop, currency: str, amount: int, taken: bool) -> None:
    line = {"quantity": 1, "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "Pin"}}}
    if not taken:
        with pytest.raises(stripe.InvalidRequestError, match="evenly divisible"):
            shop.checkout(line_items=[line])
        return
    assert shop.checkout(line_items=[line]).amount_total == amount


@pytest.mark.parametrize(("currency", "off", "step"), [("isk", 1000, 100), ("ugx", 1000, 100), ("kwd", 1000, 10)])
def test_a_discount_is_shared_in_amounts_that_the_currency_has(shop: Shop, currency: str, off: int, step: int) -> None:
    coupon = shop.sdk.coupons.create({"amount_off": off, "currency": currency})
    data = {"currency": currency, "unit_amount": 1100, "product_data": {"name": "Pin"}}
    lines: Any = [{"quantity": quantity, "price_data": data} for quantity in (1, 2, 4)]
    session = shop.checkout(line_items=lines, discounts=[{"coupon": coupon.id}])
    parts = [one.amount_discount for one in shop.sdk.checkout.sessions.line_items.list(session.id).data]
    assert sum(parts) == required(session.total_details).amount_discount == off
    assert [part % step for part in parts] == [0, 0, 0]


def test_a_paid_checkout_can_be_placed_and_expanded(shop: Shop) -> None:
    charge = shop.emulators.place("stripe", "charges", {"amount": 100, "status": "succeeded"})
    intent = shop.emulators.place("stripe", "payment_intents", {"latest_charge": charge["id"], "status": "succeeded"})
    placed = {"payment_intent": intent["id"], "status": "complete", "line_items": {"data": [{"id": "li_1"}]}}
    session = shop.emulators.place("stripe", "checkout_sessions", placed)
    expanded = shop.http.get(
        f"checkout/sessions/{session['id']}", params={"expand[]": ["payment_intent.latest_charge", "line_items"]}
    ).json()
    assert expanded["payment_intent"]["latest_charge"]["status"] == "succeeded"
    assert expanded["line_items"]["data"] == [{"id": "li_1"}]


def test_an_invoice_goes_from_draft_to_paid(shop: Shop) -> None:
    customer = shop.customer(name="Ann")
    invoice = shop.sdk.invoices.create({"customer": customer.id, "currency": "eur"})
    shop.sdk.invoice_items.create({"customer": customer.id, "invoice": invoice.id, "amount": 500, "currency": "eur"})
    opened = shop.sdk.invoices.finalize_invoice(invoice.id)
    assert (opened.status, opened.total, opened.amount_remaining) == ("open", 500, 500)
    assert opened.number == f"{customer.invoice_prefix}-0001"
    with pytest.raises(stripe.InvalidRequestError):
        shop.sdk.invoices.update(invoice.id, {"number": "A-1"})
    assert shop.sdk.invoices.update(invoice.id, {"metadata": {"a": "1"}}).status == "open"
    paid = shop.sdk.invoices.pay(invoice.id, {"expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 500, 0)
    assert paid.payments is not None
    assert [one.status for one in paid.payments.data] == ["paid"]
    with pytest.raises(stripe.InvalidRequestError):
        shop.sdk.invoices.void_invoice(invoice.id)


def test_items_wait_for_an_invoice_that_takes_them(shop: Shop) -> None:
    customer = shop.customer(name="Ann")
    shop.sdk.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "eur"})
    without = shop.sdk.invoices.create({"customer": customer.id, "currency": "eur"})
    assert without.total == 0
    with_it = shop.sdk.invoices.create(
        {"customer": customer.id, "currency": "eur", "pending_invoice_items_behavior": "include"}
    )
    assert with_it.total == 500


def test_an_invoice_is_given_up_voided_or_deleted(shop: Shop) -> None:
    customer = shop.customer(name="Ann")
    drafts = [shop.sdk.invoices.create({"customer": customer.id, "currency": "eur"}) for _ in range(3)]
    for draft in drafts[:2]:
        item: Any = {"customer": customer.id, "invoice": draft.id, "amount": 500, "currency": "eur"}
        shop.sdk.invoice_items.create(item)
        shop.sdk.invoices.finalize_invoice(draft.id)
    assert shop.sdk.invoices.mark_uncollectible(drafts[0].id).status == "uncollectible"
    assert shop.sdk.invoices.void_invoice(drafts[1].id).status_transitions.voided_at is not None
    assert shop.sdk.invoices.delete(drafts[2].id).deleted
    assert shop.http.get(f"invoices/{drafts[2].id}").status_code == 404
    assert len(shop.sdk.invoices.list({"status": "void"}).data) == 1
    assert error(shop.http.get("invoices", params={"status": "lost"}))["param"] == "status"
