"""One status of the shop for three axes of ours: read, written, and cash on delivery."""

from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from canonical.order import FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.order_patch import (
    OrderPatch,
)
from mappings.woocommerce.order_enums_r1 import STATUSES
from mappings.woocommerce.order_r1 import ORDER
from tests.mappings.drafts import refused

from .conftest import ACCOUNT, record


def test_every_status_reads_as_what_woocommerce_means_by_it() -> None:
    for status, meaning in STATUSES.items():
        data = ORDER.to_canonical(record(status), ACCOUNT).data
        assert (data.status, data.payment_status, data.fulfillment_status) == meaning
        assert data.status_raw == data.payment_status_raw == data.fulfillment_status_raw == status
        assert ORDER.to_canonical(record(f"wc-{status}"), ACCOUNT).data.status == meaning.status
    for status in ("pending", "on-hold", "cancelled", "failed", "a-plugins-own"):
        assert ORDER.to_canonical(record(status, is_paid=True), ACCOUNT).data.payment_status == "paid"
    assert ORDER.to_canonical(record("refunded", is_paid=True), ACCOUNT).data.payment_status == "refunded"


@pytest.mark.parametrize(
    ("status", "is_paid", "reads"),
    [
        ("processing", False, "pending"),
        ("wc-processing", False, "pending"),
        ("processing", True, "paid"),
        ("completed", False, "paid"),
        ("on-hold", False, "pending"),
        ("pending", False, "unpaid"),
    ],
)
def test_cash_on_delivery_is_pending_until_the_goods_are_there(status: str, is_paid: bool, reads: str) -> None:
    data = ORDER.to_canonical(record(status, is_paid=is_paid, payment_method="cod"), ACCOUNT).data
    assert data.payment_status == reads
    assert data.totals.paid == ("10.00" if reads == "paid" else "0.00")
    assert data.payments[0].status == ("succeeded" if reads == "paid" else "pending")


def test_cash_on_delivery_is_paid_by_completing_the_order() -> None:
    current = record("processing", payment_method="cod")
    assert ORDER.to_vendor(OrderPatch(payment_status="paid"), current, ACCOUNT).body.status == "completed"
    draft = ORDER.to_vendor(OrderPatch(status="open", payment_status="paid"), current, ACCOUNT)
    assert refused(draft) == {"/status": "invalid"}


def test_a_draft_of_the_shops_own_is_a_draft() -> None:
    data = ORDER.to_canonical(record("draft"), ACCOUNT).data
    assert (data.status, data.payment_status, data.fulfillment_status) == ("draft", "unpaid", "unfulfilled")


@given(status=st.text(), via=st.text(), method=st.text(), code=st.text())
def test_no_word_breaks_the_reading(status: str, via: str, method: str, code: str) -> None:
    coupons = [{"code": code, "discount": "1.00", "discount_type": code}]
    data = ORDER.to_canonical(
        record(status, created_via=via, payment_method=method, coupon_lines=coupons), ACCOUNT
    ).data
    assert data.status_raw == status
    assert (data.channel == "unknown") or data.channel_raw == via


WORDS = (get_args(OrderStatus), get_args(PaymentStatus), get_args(FulfillmentStatus))


NAMES = ("status", "payment_status", "fulfillment_status")


@pytest.mark.parametrize("current", [None, record("pending"), record("processing", is_paid=True), record("new-one")])
def test_every_combination_of_axes_is_kept_or_refused_with_what_can_be(current: Any) -> None:
    is_paid = current is not None and current.date_paid_gmt is not None
    for words in product(*[(UNSET, *one) for one in WORDS]):
        patch = OrderPatch(**dict(zip(NAMES, words, strict=True)))
        draft = ORDER.to_vendor(patch, current, ACCOUNT)
        wanted = {name: word for name, word in zip(NAMES, words, strict=True) if word is not UNSET}
        if refused(draft):
            assert draft.body.status is UNSET or words[0] == "draft"  # the others are kept with ?loss=any
            assert set(refused(draft)) <= {f"/{name}" for name in wanted}
            continue
        if draft.body.status is UNSET:
            assert current is not None or not wanted
            order = ORDER.to_canonical(current or record("pending"), ACCOUNT).data
        else:
            order = ORDER.to_canonical(record(draft.body.status, is_paid=is_paid), ACCOUNT).data
        changed = {loss.path.removeprefix("/") for loss in draft.loss if loss.kind == "coerced"}
        assert {name for name, word in wanted.items() if getattr(order, name) != word} == changed
        # Money that did not come is never recorded, and a cancelled or failed order is none that goes on.
        assert "paid" not in (getattr(order, name) for name in changed) or words[1] == "partially_refunded"
        assert words[0] in (UNSET, order.status) or words[0] in ("open", "completed", "archived")
        before = ORDER.to_canonical(current or record("pending"), ACCOUNT).data
        implied = {
            name
            for name in set(NAMES) - {*wanted}
            if current is not None or getattr(order, name) in ("paid", "fulfilled")
        }
        assert {loss.path.removeprefix("/") for loss in draft.loss if loss.kind == "defaulted"} == {
            name for name in implied if getattr(order, name) != getattr(before, name)
        }


@pytest.mark.parametrize(
    ("current", "patch", "status"),
    [
        ("pending", OrderPatch(payment_status="paid"), "processing"),
        ("on-hold", OrderPatch(payment_status="paid"), "processing"),
        ("processing", OrderPatch(fulfillment_status="fulfilled"), "completed"),
        ("completed", OrderPatch(status="open"), "processing"),
        ("completed", OrderPatch(status="completed"), UNSET),
        ("wc-processing", OrderPatch(status="open"), UNSET),
        ("refunded", OrderPatch(payment_status="refunded"), UNSET),
        ("checkout-draft", OrderPatch(status="draft", payment_status="unpaid"), UNSET),
        ("a-plugins-own", OrderPatch(status="unknown"), UNSET),
        ("processing", OrderPatch(payment_status="partially_refunded"), UNSET),
        ("completed", OrderPatch(payment_status="partially_refunded"), UNSET),
        ("completed", OrderPatch(status="open", payment_status="partially_refunded"), "processing"),
        ("pending", OrderPatch(status="open", payment_status="pending"), UNSET),
        ("pending", OrderPatch(payment_status="pending"), UNSET),
        ("pending", OrderPatch(payment_status="pending", fulfillment_status="unfulfilled"), UNSET),
    ],
)
def test_the_status_is_taken_that_changes_least(current: str, patch: OrderPatch, status: Any) -> None:
    is_paid = current.removeprefix("wc-") in ("processing", "completed", "refunded")
    assert ORDER.to_vendor(patch, record(current, is_paid=is_paid), ACCOUNT).body.status == status


def test_an_order_under_way_without_a_recorded_payment_is_put_on_hold_until_it_is_paid() -> None:
    assert ORDER.to_vendor(OrderPatch(payment_status="pending"), record("processing"), ACCOUNT).body.status == "on-hold"


@pytest.mark.parametrize(
    ("status", "back", "reads", "sent"),
    [
        ("processing", "", "paid", "unpaid"),
        ("processing", "", "paid", "refunded"),
        ("processing", "-4.00", "partially_refunded", "paid"),
        ("completed", "-4.00", "partially_refunded", "refunded"),
        ("refunded", "-10.00", "refunded", "paid"),
        ("refunded", "-10.00", "refunded", "partially_refunded"),
    ],
)
def test_a_recorded_payment_or_refund_cannot_be_unsaid(status: str, back: str, reads: Any, sent: Any) -> None:
    current = record(status, is_paid=True, refunds=[{"id": 8, "total": back}] if back else [])
    assert ORDER.to_canonical(current, ACCOUNT).data.payment_status == reads
    draft = ORDER.to_vendor(OrderPatch(payment_status=sent), current, ACCOUNT)
    assert (refused(draft), draft.body.status) == ({"/payment_status": "invalid"}, UNSET)
    assert f"one of: {reads}" in draft.refused[0].detail
    assert ("record the refund" in draft.refused[0].detail) == (sent in ("refunded", "partially_refunded"))
    again = ORDER.to_vendor(OrderPatch(payment_status=reads), current, ACCOUNT)
    assert (refused(again), again.body.status, again.loss) == ({}, UNSET, ())
