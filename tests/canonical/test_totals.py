"""An order's figures are added up, and a mismatch is reported."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import values
from canonical.order import LineItem, Order, OrderStatus, PaymentStatus, ShippingLine, Totals
from canonical.totals import check_payment, check_taxes, check_totals

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


def line(quantity: str, unit_price: str, tax: str = "0") -> LineItem:
    return LineItem(
        remote_id="1", name="Mug", quantity=quantity, unit_price=unit_price, discount="0", tax=tax, total="0"
    )


MUGS = (line("2", "19.90"),)


def paths(totals: Totals, lines: tuple[LineItem, ...], tax_inclusive: bool | None) -> list[str]:
    """Where it does not add up."""
    losses = check_totals(totals, lines, tax_inclusive)
    assert all(loss.kind == "ambiguous" for loss in losses)
    return [loss.path for loss in losses]


def test_an_order_that_adds_up_loses_nothing() -> None:
    assert paths(TOTALS, MUGS, True) == []


@pytest.mark.parametrize(
    ("change", "tax_inclusive", "wrong"),
    [
        ({"total": "47.31", "outstanding": "6.51"}, False, []),  # tax on top
        ({"total": "47.31", "outstanding": "6.51"}, None, []),  # unknown whether it is
        ({"total": "47.31", "outstanding": "6.51"}, True, ["/totals/total"]),
        ({}, False, ["/totals/total"]),
        ({}, None, []),
        ({"total": "40.81", "outstanding": "0.01"}, None, ["/totals/total"]),
        ({"items": "39.81"}, True, ["/totals/items", "/totals/total"]),
        ({"fees": "2.00", "tip": "1.00", "total": "43.80", "outstanding": "3.00"}, True, []),
    ],
)
def test_each_sum_is_checked(change: dict[str, str], tax_inclusive: bool | None, wrong: list[str]) -> None:
    assert paths(msgspec.structs.replace(TOTALS, **change), MUGS, tax_inclusive) == wrong


def test_without_lines_their_sum_is_not_checked() -> None:
    assert paths(TOTALS, (), True) == []


@pytest.mark.parametrize(("items", "fits"), [("4.99", True), ("5.00", True), ("5.01", False), ("4.98", False)])
def test_a_line_finer_than_the_currency_may_have_been_rounded(items: str, fits: bool) -> None:
    totals = msgspec.structs.replace(TOTALS, items=items)
    assert ("/totals/items" not in paths(totals, (line("1.5", "3.33"),), None)) is fits


def test_a_mismatch_shows_both_figures() -> None:
    (loss, _) = check_totals(msgspec.structs.replace(TOTALS, items="39.81"), MUGS, True)
    assert loss.detail == "the lines add up to 39.80, the vendor says 39.81"


@pytest.mark.parametrize(
    ("status", "payment_status", "change", "wrong"),
    [
        ("open", "paid", {}, []),
        ("open", "unknown", {"outstanding": "0.01"}, ["/totals/outstanding"]),
        ("open", "paid", {"paid": "50.80", "outstanding": "-10.00"}, []),
        ("open", "paid", {"paid": "0.00", "outstanding": "40.80"}, ["/totals/paid"]),
        ("open", "paid", {"paid": "40.79", "outstanding": "0.01"}, ["/totals/paid"]),
        ("open", "paid", {"total": "0.00", "paid": "0.00"}, []),
        ("open", "partially_paid", {"paid": "0.00", "outstanding": "40.80"}, ["/totals/paid"]),
        ("open", "authorized", {"paid": "0.00", "outstanding": "40.80"}, []),
        ("open", "paid", {"refunded": "40.81"}, ["/totals/refunded"]),
        ("open", "refunded", {"refunded": "40.80"}, []),
        ("open", "refunded", {}, ["/totals/refunded"]),
        ("open", "partially_refunded", {}, ["/totals/refunded"]),
        ("open", "refunded", {"total": "0.00", "paid": "0.00"}, []),
        ("cancelled", "unpaid", {"paid": "0.00", "outstanding": "40.80"}, ["/totals/outstanding"]),
        ("cancelled", "unpaid", {"paid": "0.00", "outstanding": "0.00"}, []),
        ("cancelled", "unpaid", {"paid": "0.00", "outstanding": "1.00"}, ["/totals/outstanding"]),
        ("cancelled", "paid", {"paid": "50.80", "outstanding": "-10.00"}, []),
        ("open", "voided", {"paid": "0.00", "outstanding": "40.80"}, ["/totals/outstanding"]),
        ("open", "voided", {"paid": "0.00", "outstanding": "0.00"}, []),
        ("archived", "unpaid", {"paid": "0.00", "outstanding": "40.80"}, []),
    ],
)
def test_how_far_payment_has_come_fits_the_sums(
    status: OrderStatus, payment_status: PaymentStatus, change: dict[str, str], wrong: list[str]
) -> None:
    order = Order(
        status=status,
        payment_status=payment_status,
        currency="EUR",
        totals=msgspec.structs.replace(TOTALS, **change),
    )
    losses = check_payment(order)

    assert all(loss.kind == "ambiguous" for loss in losses)
    assert [loss.path for loss in losses] == wrong


def test_an_order_cancelled_before_archiving_has_nothing_outstanding() -> None:
    totals = msgspec.structs.replace(TOTALS, paid="0.00", outstanding="0.00")
    order = Order(status="archived", cancelled_at=datetime(2026, 5, 1, tzinfo=UTC), currency="EUR", totals=totals)

    assert check_payment(order) == ()


@pytest.mark.parametrize(
    ("tax", "lines", "shipping", "on_fees", "fits"),
    [
        ("6.51", ["5.72"], ["0.79"], "0", True),
        ("6.51", ["5.72"], [], "0", False),
        ("6.51", ["5.72"], ["0.78"], "0", True),  # each of the two may have been rounded
        ("6.51", ["5.72"], ["0.77"], "0", False),
        ("6.51", ["6.51"], [], "0", True),
        ("6.51", ["6.50"], [], "0", False),
        ("6.51", ["5.72"], [], "0.79", True),  # on a fee
        ("6.51", ["0.00", "0.00"], [], "0", True),  # no line says anything
        ("6.51", [], ["0.79"], "0", True),  # the lines were not read
        ("0.00", ["5.72"], [], "0", False),
        ("651", ["572"], ["80"], "0", True),
        ("651", ["572"], ["81"], "0", False),
    ],
)
def test_the_taxes_of_lines_and_shipping_are_the_tax(
    tax: str, lines: list[str], shipping: list[str], on_fees: str, fits: bool
) -> None:
    losses = check_taxes(
        tax,
        tuple(line("1", "10.00", tax=one) for one in lines),
        tuple(ShippingLine(price="1.00", tax=one) for one in shipping),
        on_fees=Decimal(on_fees),
    )

    assert [(loss.path, loss.kind) for loss in losses] == ([] if fits else [("/totals/tax", "ambiguous")])


PRICES = st.decimals(0, 10_000, places=3, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(1, 50), PRICES), min_size=1, max_size=20), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_totals_rounded_line_by_line_add_up(bought: list[tuple[int, Decimal]], currency: str) -> None:
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
