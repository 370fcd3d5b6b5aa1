"""The body of a new order is completed from its totals, so that its lists say everything that its sum consists of."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.order_body import completed
from canonical.order_patch import OrderPatch
from canonical.totals import shares, sum_of

LINE = {"name": "Mug", "quantity": "2", "unit_price": "19.90"}
CENT = Decimal("0.01")


def patch(**fields: Any) -> OrderPatch:
    return msgspec.convert({"currency": "EUR", "line_items": [LINE], **fields}, OrderPatch)


def total(order_patch: OrderPatch) -> str:
    summed = sum_of(order_patch)
    assert summed is not None
    return f"{summed.total:f}"


@pytest.mark.parametrize(
    ("fields", "adds_up_to"),
    [
        ({}, "39.80"),
        ({"line_items": []}, "0"),
        ({"line_items": [], "shipping_lines": [{"price": "4.90"}]}, "4.90"),
        ({"discounts": [{"amount": "9.80"}]}, "30.00"),
        ({"fees": [{"amount": "3.00", "tax": "0.57"}]}, "43.37"),
        ({"fees": [{"amount": "3.00", "tax": "0.57"}], "tax_inclusive": True}, "42.80"),
        ({"shipping_lines": [{"price": "4.90", "tax": "0.93"}], "tax_inclusive": False}, "45.63"),
        ({"line_items": [{**LINE, "tax": "7.56"}]}, "47.36"),
    ],
)
def test_a_body_adds_up_to_its_parts(fields: dict[str, Any], adds_up_to: str) -> None:
    assert total(patch(**fields)) == adds_up_to


def test_a_body_with_a_price_of_the_vendor_has_no_sum() -> None:
    assert sum_of(patch(line_items=[{"product": {"variant_remote_id": "1"}, "quantity": "1"}])) is None


@pytest.mark.parametrize(
    ("totals", "folded"),
    [
        ({"tip": "5.00"}, ["/totals/tip"]),
        ({"tip": "0.00"}, []),
        ({"tip": "5.00", "total": "44.80"}, ["/totals/tip"]),
        ({"discount": "4.00", "total": "35.80"}, ["/totals/discount"]),
        ({"shipping": "4.90", "fees": "3.00", "total": "47.70"}, ["/totals/shipping", "/totals/fees"]),
        ({"tax": "7.56", "total": "47.36"}, ["/totals/tax"]),
        ({"tax": "7.56", "total": "39.80"}, []),
        ({"discount": "4.00", "total": "1.00"}, []),
        ({"discount": "4.00"}, []),
        ("a lot", []),
    ],
)
def test_what_only_the_totals_say_goes_into_the_lists(totals: Any, folded: list[str]) -> None:
    whole = completed(patch(), totals, total_counts=False)

    assert [one.path for one in whole.folded] == folded
    assert {one.kind for one in whole.folded} <= {"folded"}
    if folded and "total" in totals:
        assert total(whole.patch) == totals["total"]


def test_a_total_without_the_tax_means_that_prices_include_it() -> None:
    whole = completed(patch(line_items=[{**LINE, "tax": "6.35"}]), {"total": "39.80"}, total_counts=False)

    assert whole.patch.tax_inclusive is True
    assert whole.folded == ()


@pytest.mark.parametrize(("stated", "field"), [("41.00", "fees"), ("30.00", "discounts")])
def test_the_total_of_a_vendor_whose_parts_do_not_add_up_counts(stated: str, field: str) -> None:
    whole = completed(patch(), {"total": stated}, total_counts=True)

    assert total(whole.patch) == stated
    assert [(one.path, one.place) for one in whole.folded] == [("/totals/total", f"/{field}/0")]


def test_negative_lines_and_fees_are_discounts() -> None:
    voucher = {"name": "Voucher", "quantity": "2", "unit_price": "-2.50"}
    whole = completed(
        patch(line_items=[voucher, LINE], fees=[{"name": "Rebate", "amount": "-1.00", "tax": "0.19"}]),
        None,
        total_counts=False,
    )

    assert total(whole.patch) == "33.99"
    assert isinstance(whole.patch.discounts, tuple)
    assert [(one.label, one.amount) for one in whole.patch.discounts] == [("Voucher", "5.00"), ("Rebate", "0.81")]
    assert [(one.path, one.place) for one in whole.folded] == [
        ("/line_items/0", "/discounts/0"),
        ("/fees/0", "/discounts/1"),
    ]


AMOUNTS = st.integers(0, 10_000).map(lambda cents: Decimal(cents) * CENT)


@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=12))
def test_shares_add_up_and_are_whole_cents(amount: Decimal, weights: list[Decimal]) -> None:
    parts = shares(amount, weights, CENT)

    assert sum(parts) == amount
    assert all(one % CENT == 0 and one >= 0 for one in parts)
    whole = sum(weights)
    if whole:
        assert all(abs(one - amount * weight / whole) <= CENT for one, weight in zip(parts, weights, strict=True))


def test_a_discount_of_totals_counts_beside_a_negative_fee() -> None:
    """What a shop could not take off the lines is a negative fee there, and its discounts are in `totals` alone."""
    body = patch(shipping_lines=[{"price": "9.90"}], fees=[{"name": "Discount", "amount": "-5.20"}])
    totals = {"items": "39.80", "discount": "39.80", "shipping": "9.90", "fees": "-5.20", "total": "4.70"}
    whole = completed(body, totals, total_counts=False)

    assert total(whole.patch) == "4.70"
    assert [one.amount for one in whole.patch.discounts or ()] == ["5.20", "39.80"]


@pytest.mark.parametrize(
    "totals",
    [
        {"total": "999999999999999.99", "shipping": "999999999999999.99", "discount": "39.80"},
        {"tip": "999999999999999.999"},
        {
            "total": "800000000000040.80",
            "fees": "900000000000000",
            "tip": "900000000000000",
            "discount": "999999999999999",
        },
    ],
)
@pytest.mark.parametrize("total_counts", [True, False])
def test_totals_of_too_many_digits_are_refused(totals: dict[str, str], total_counts: bool) -> None:
    with pytest.raises(ValueError, match="more than 15 digits"):
        completed(patch(), totals, total_counts=total_counts)


def test_the_tax_within_the_prices_is_shared_among_the_lines() -> None:
    lines = [{**LINE, "tax": "6.00"}, {"name": "Post", "quantity": "1", "unit_price": "4.00"}]
    whole = completed(
        patch(line_items=lines, tax_inclusive=True), {"tax": "6.99", "total": "43.80"}, total_counts=False
    )

    assert total(whole.patch) == "43.80"
    assert [one.tax for one in whole.patch.line_items or ()] == ["6.90", "0.09"]
    assert [(one.path, one.place) for one in whole.folded] == [("/totals/tax", "/line_items")]
