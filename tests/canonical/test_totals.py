"""An order's figures are added up, and what does not fit is told."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import values
from canonical.order import LineItem, Totals
from canonical.totals import check_totals

TOTALS = Totals(
    items="39.80",
    discount="4.00",
    shipping="5.00",
    fees="0.00",
    tip="0.00",
    tax="6.51",
    total="40.80",
    paid="40.80",
    refunded="0.00",
    outstanding="0.00",
)


def line(quantity: str, unit_price: str) -> LineItem:
    return LineItem(
        remote_id="1", name="Mug", quantity=quantity, unit_price=unit_price, discount="0", tax="0", total="0"
    )


MUGS = (line("2", "19.90"),)


def paths(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> list[str]:
    """Where it does not add up."""
    found = check_totals(totals, lines, tax_inclusive)
    assert all(loss.kind == "ambiguous" for loss in found)
    return [loss.path for loss in found]


def test_an_order_that_adds_up_loses_nothing() -> None:
    assert paths(TOTALS, MUGS, True) == []


@pytest.mark.parametrize(
    ("change", "tax_inclusive", "wrong"),
    [
        ({"total": "47.31", "outstanding": "6.51"}, False, []),  # tax on top
        ({"total": "47.31", "outstanding": "6.51"}, None, []),  # nobody says whether it is
        ({"total": "47.31", "outstanding": "6.51"}, True, ["/totals/total"]),
        ({}, False, ["/totals/total"]),
        ({}, None, []),
        ({"total": "40.81", "outstanding": "0.01"}, None, ["/totals/total"]),
        ({"items": "39.81"}, True, ["/totals/items", "/totals/total"]),
        ({"outstanding": "0.01"}, True, ["/totals/outstanding"]),
        ({"paid": "50.80", "outstanding": "-10.00"}, True, []),
        ({"fees": "2.00", "tip": "1.00", "total": "43.80", "outstanding": "3.00"}, True, []),
    ],
)
def test_each_sum_is_judged(change: dict[str, str], tax_inclusive: bool | None, wrong: list[str]) -> None:
    assert paths(msgspec.structs.replace(TOTALS, **change), MUGS, tax_inclusive) == wrong


def test_without_lines_their_sum_is_not_judged() -> None:
    assert paths(TOTALS, (), True) == []


@pytest.mark.parametrize(("items", "fits"), [("4.99", True), ("5.00", True), ("5.01", False), ("4.98", False)])
def test_a_line_finer_than_the_currency_may_have_been_rounded(items: str, fits: bool) -> None:
    totals = msgspec.structs.replace(TOTALS, items=items)
    assert ("/totals/items" not in paths(totals, (line("1.5", "3.33"),), None)) is fits


def test_a_mismatch_shows_both_figures() -> None:
    (loss, _) = check_totals(msgspec.structs.replace(TOTALS, items="39.81"), MUGS, True)
    assert loss.detail == "the lines add up to 39.80, the vendor says 39.81"


PRICES = st.decimals(0, 10_000, places=3, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(1, 50), PRICES), min_size=1, max_size=20), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_whatever_is_rounded_line_by_line_adds_up(bought: list[tuple[int, Decimal]], currency: str) -> None:
    lines = tuple(line(str(quantity), values.unit_price(str(price), currency)) for quantity, price in bought)
    items = sum(Decimal(values.money(str(quantity * price), currency)) for quantity, price in bought)
    zero = values.money("0", currency)
    totals = Totals(
        items=values.money(str(items), currency),
        discount=zero,
        shipping=zero,
        fees=zero,
        tip=zero,
        tax=zero,
        total=values.money(str(items), currency),
        paid=zero,
        refunded=zero,
        outstanding=values.money(str(items), currency),
    )
    assert paths(totals, lines, None) == []
