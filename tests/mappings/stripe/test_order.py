"""Orders read: every word of Stripe's has a meaning or is `unknown`, and sums stand."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.order import OrderStatus, PaymentStatus
from mappings.release import digests
from mappings.spec import Unmappable, VendorDrift, decode
from mappings.stripe.order_r1 import ORDER
from mappings.stripe.wire_2026_10_28 import Charge, CheckoutSession, Invoice, PaymentIntent, ShippingCost
from tests.required import required

from .conftest import ACCOUNT, golden

INVOICE = decode(golden("order-invoice"), Invoice)
SESSION = decode(golden("order-checkout"), CheckoutSession)
INTENT = msgspec.convert(msgspec.to_builtins(SESSION.payment_intent), PaymentIntent)


@pytest.mark.parametrize(
    ("status", "paid", "credited", "order", "payment"),
    [
        ("draft", 0, 0, "draft", "unpaid"),
        ("open", 0, 0, "open", "unpaid"),
        ("open", 100, 0, "open", "partially_paid"),
        ("paid", 11117, 0, "completed", "paid"),
        ("paid", 11117, 1000, "completed", "partially_refunded"),
        ("paid", 11117, 11117, "completed", "refunded"),
        ("void", 0, 0, "cancelled", "voided"),
        ("uncollectible", 0, 0, "failed", "unpaid"),
        ("uncollectible", 100, 0, "failed", "partially_paid"),
        ("awaiting_review", 0, 0, "unknown", "unknown"),
        (None, 0, 0, "unknown", "unknown"),
    ],
)
def test_the_state_of_an_invoice(
    status: str | None, paid: int, credited: int, order: OrderStatus, payment: PaymentStatus
) -> None:
    record = replace(INVOICE, status=status, amount_paid=paid, post_payment_credit_notes_amount=credited)
    read = ORDER.to_canonical(record, ACCOUNT).data
    assert (read.status, read.payment_status, read.status_raw) == (order, payment, status)


@pytest.mark.parametrize(
    ("status", "payment_status", "charge", "order", "payment"),
    [
        ("open", "unpaid", {}, "open", "unpaid"),
        ("complete", "paid", {}, "completed", "paid"),
        ("complete", "paid", {"amount_refunded": 100}, "completed", "partially_refunded"),
        ("complete", "paid", {"amount_refunded": 27900}, "completed", "refunded"),
        ("complete", "paid", {"disputed": True}, "completed", "disputed"),
        ("complete", "unpaid", {}, "completed", "pending"),
        ("complete", "no_payment_required", {}, "completed", "paid"),
        ("expired", "unpaid", {}, "cancelled", "expired"),
        ("frozen", "unpaid", {}, "unknown", "unknown"),
        ("complete", "promised", {}, "completed", "unknown"),
        (None, "paid", {}, "unknown", "paid"),
    ],
)
def test_the_state_of_a_checkout(
    status: str | None, payment_status: str, charge: dict[str, Any], order: OrderStatus, payment: PaymentStatus
) -> None:
    charge_ = INTENT.latest_charge
    assert isinstance(charge_, Charge)
    changed = replace(charge_, **({"amount_refunded": 0} | charge))
    intent = replace(INTENT, latest_charge=changed)
    record = replace(SESSION, status=status, payment_status=payment_status, payment_intent=intent)
    read = ORDER.to_canonical(record, ACCOUNT).data
    assert (read.status, read.payment_status) == (order, payment)
    assert (read.status_raw, read.payment_status_raw) == (status, payment_status)


def test_authorised_is_never_paid() -> None:
    intent = replace(INTENT, status="requires_capture", latest_charge=None)
    record = replace(SESSION, payment_status="unpaid", payment_intent=intent)
    read = ORDER.to_canonical(record, ACCOUNT).data
    assert (read.payment_status, read.totals.paid, read.paid_at) == ("authorized", "0.000", None)


@pytest.mark.parametrize("name", ["setup", "payment"])
def test_a_checkout_without_an_amount_sells_nothing(name: str) -> None:
    record = replace(SESSION, mode=name, currency=None, amount_total=None)
    with pytest.raises(Unmappable) as refusal:
        ORDER.to_canonical(record, ACCOUNT)
    assert refusal.value.path == "$.currency"


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.none() | st.text(max_size=12))
def test_no_word_of_stripes_breaks_the_reading(status: str, payment: str, method: str, behavior: str | None) -> None:
    session = msgspec.to_builtins(SESSION)
    session |= {"status": status, "payment_status": payment}
    session["payment_intent"]["latest_charge"]["payment_method_details"]["type"] = method
    session["payment_intent"]["latest_charge"]["status"] = status
    session["line_items"]["data"][0]["price"]["tax_behavior"] = behavior
    read = ORDER.read(msgspec.json.encode(session), ACCOUNT).data
    assert read.status in get_args(OrderStatus)
    assert read.payment_status in get_args(PaymentStatus)
    assert (read.status_raw, read.payments[0].method_raw) == (status, method)
    invoice = msgspec.to_builtins(INVOICE) | {"status": status}
    invoice["total_taxes"][0]["tax_behavior"] = behavior
    invoice["payments"]["data"][0]["status"] = status
    assert ORDER.read(msgspec.json.encode(invoice), ACCOUNT).data.status_raw == status


@given(
    st.none() | st.integers(-(10**6), 10**6),
    st.none() | st.decimals(-(10**6), 10**6, places=4).map(lambda exact: format(exact, "f")) | st.text(max_size=6),
    st.integers(-(10**9), 10**9),
    st.none() | st.decimals(0, 10**4, places=3).map(lambda exact: format(exact, "f")) | st.text(max_size=4),
)
def test_any_line_is_read_so_that_it_adds_up_or_is_drift(
    quantity: int | None, each: str | None, amount: int, exact: str | None
) -> None:
    line = INVOICE.lines.data[0]
    pricing = replace(required(line.pricing), unit_amount_decimal=each)
    line = replace(line, quantity=quantity, amount=amount, pricing=pricing, quantity_decimal=exact)
    record = replace(INVOICE, lines=replace(INVOICE.lines, data=(line,)))
    assert _adds_up(record)


def _adds_up(record: Invoice) -> bool:
    """Whether the lines are what the items are; true for a record that is refused as a whole."""
    try:
        mapped = ORDER.to_canonical(record, ACCOUNT)
    except VendorDrift:
        return True
    return not any(loss.path == "/totals/items" for loss in mapped.loss)


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"created": 10**20}, "a time is invalid"),
        ({"currency": "isk", "total": 1050}, "an amount in ISK has a fraction"),
    ],
)
def test_what_cannot_be_is_drift(record: dict[str, Any], path: str) -> None:
    with pytest.raises(VendorDrift, match=path):
        ORDER.to_canonical(replace(INVOICE, **record), ACCOUNT)


def test_a_release_holds_both_objects_that_are_orders() -> None:
    recorded = digests(ORDER)
    assert {"Invoice", "CheckoutSession", "OrderWrite"} <= set(recorded.wire)
    assert "mappings/stripe/order_parts_r1.py" in recorded.modules
    assert "order-checkout" in recorded.golden


def test_lines_of_a_long_invoice_are_reported_as_truncated() -> None:
    record = replace(INVOICE, lines=replace(INVOICE.lines, has_more=True))
    assert ("/line_items", "truncated") in {(loss.path, loss.kind) for loss in ORDER.to_canonical(record, ACCOUNT).loss}


@pytest.mark.parametrize(
    ("behaviors", "expected"),
    [(["inclusive"], True), (["exclusive"], False), (["exclusive", "inclusive"], None), ([], None)],
)
def test_the_taxes_decide_whether_prices_include_tax(behaviors: list[str], expected: bool | None) -> None:
    taxes = tuple(replace(required(INVOICE.total_taxes)[0], tax_behavior=behavior) for behavior in behaviors)
    assert ORDER.to_canonical(replace(INVOICE, total_taxes=taxes), ACCOUNT).data.tax_inclusive is expected


def ambiguous(record: Invoice | CheckoutSession) -> list[str]:
    """Where the figures of an order contradict each other."""
    return [one.path for one in ORDER.to_canonical(record, ACCOUNT).loss if one.kind == "ambiguous"]


def test_void_invoices_and_expired_checkouts_owe_nothing() -> None:
    void = replace(INVOICE, status="void", amount_paid=0, amount_remaining=11117, post_payment_credit_notes_amount=0)
    expired = replace(SESSION, status="expired", payment_status="unpaid", payment_intent=None)

    for record in (void, expired):
        totals = ORDER.to_canonical(record, ACCOUNT).data.totals
        assert (totals.paid, float(totals.outstanding)) == (totals.refunded, 0)
        assert ambiguous(record) == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"amount_paid": 0, "post_payment_credit_notes_amount": 0}, ["/totals/paid", "/totals/outstanding"]),
        ({"post_payment_credit_notes_amount": 20000}, ["/totals/refunded"]),
    ],
)
def test_a_state_that_its_sums_contradict_is_ambiguous(changes: dict[str, Any], wrong: list[str]) -> None:
    assert ambiguous(replace(INVOICE, **changes)) == wrong


def test_line_taxes_make_the_tax_if_every_line_has_them() -> None:
    first, *others = INVOICE.lines.data
    assert first.taxes is not None
    more = replace(first, taxes=(replace(first.taxes[0], amount=first.taxes[0].amount + 100),))
    untold = replace(others[0], taxes=None, tax_amounts=None)

    assert ambiguous(replace(INVOICE, lines=replace(INVOICE.lines, data=(more, *others)))) == ["/totals/tax"]
    for lines in (
        replace(INVOICE.lines, data=(more, *others), has_more=True),
        replace(INVOICE.lines, data=(more, untold, *others[1:])),
    ):
        assert "/totals/tax" not in ambiguous(replace(INVOICE, lines=lines))


def test_the_taxes_of_a_checkout_s_lines_and_shipping_are_its_tax() -> None:
    assert SESSION.line_items is not None
    assert SESSION.total_details is not None
    (line,) = SESSION.line_items.data
    taxed = replace(
        SESSION,
        line_items=replace(SESSION.line_items, data=(replace(line, amount_tax=400),)),
        shipping_cost=ShippingCost(amount_subtotal=3500, amount_tax=60),
    )

    assert ambiguous(replace(taxed, total_details=replace(SESSION.total_details, amount_tax=460))) == []
    assert ambiguous(replace(taxed, total_details=replace(SESSION.total_details, amount_tax=500))) == ["/totals/tax"]
    assert ambiguous(replace(taxed, line_items=None)) == []
