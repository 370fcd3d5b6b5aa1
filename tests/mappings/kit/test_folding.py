"""Folding moves parts of an order's sum into others, and changes neither the sum nor the pointers of the body."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given

from canonical.order_patch import DiscountPatch, LineItemPatch, OrderPatch
from canonical.parts import sent_or as sent
from canonical.totals import BodySum, sum_of
from mappings.kit import folding
from mappings.spec import Notes
from tests.mappings.order_bodies import BODIES
from tests.required import required

Fold = Callable[[OrderPatch, Notes], OrderPatch]
FOLDS: dict[str, Fold] = {
    "fees": lambda patch, notes: folding.fees_as_lines(patch, notes, "It"),
    "shipping": lambda patch, notes: folding.shipping_as_lines(patch, notes, "It"),
    "one shipping": lambda patch, notes: folding.one_shipping_line(patch, notes, "It"),
    "tax line": lambda patch, notes: folding.tax_as_line(patch, notes, "it has no taxes"),
    "tax in prices": lambda patch, notes: folding.tax_in_prices(patch, notes, "it has no taxes"),
    "discounts": lambda patch, notes: folding.discounts_in_prices(patch, notes, "It"),
}


def summed(patch: OrderPatch) -> BodySum:
    return required(sum_of(patch))


@pytest.mark.parametrize("name", FOLDS)
@given(BODIES)
def test_a_fold_keeps_the_sum_and_names_both_places(name: str, patch: OrderPatch) -> None:
    notes = Notes()
    folded = FOLDS[name](patch, notes)

    assert summed(folded).total == summed(patch).total
    assert {one.kind for one in notes.loss} <= {"folded"}
    assert all(isinstance(one.place, str) for one in notes.loss)
    before, after = sent(patch.line_items, ()), sent(folded.line_items, ())
    assert [(one.name, one.quantity) for one in after[: len(before)]] == [(one.name, one.quantity) for one in before]
    assert folded == patch or notes.loss or name == "tax in prices" or no_tax(folded)


def no_tax(patch: OrderPatch) -> bool:
    """An empty tax was removed."""
    return all(one.tax is None for one in sent(patch.line_items, ()))


@given(BODIES)
def test_a_fold_leaves_none_of_what_it_folds(patch: OrderPatch) -> None:
    for name, fold in FOLDS.items():
        patch = fold(patch, Notes()) if name != "one shipping" else patch

    assert [sent(getattr(patch, name), ()) for name in ("fees", "shipping_lines")] == [(), ()]
    assert no_tax(patch)
    assert not sent(patch.discounts, ()) or summed(patch).total < 0


@pytest.mark.parametrize(
    ("quantity", "price", "off", "prices"),
    [
        ("2", "50.00", "50.00", ["25.00"]),
        ("3", "10.00", "5.00", ["8.33", "0.01"]),
        ("3", "10.00", "30.00", ["0.00"]),
        ("1.5", "3.33", "1.00", ["2.66", "0.005"]),
    ],
)
def test_what_a_quantity_does_not_divide_is_a_further_line(
    quantity: str, price: str, off: str, prices: list[str]
) -> None:
    line = LineItemPatch(name="Mug", sku="MUG", quantity=quantity, unit_price=price)
    patch = OrderPatch(currency="EUR", line_items=(line,), discounts=(DiscountPatch(amount=off),))
    folded = folding.discounts_in_prices(patch, Notes(), "It")

    assert isinstance(folded.line_items, tuple)
    assert [one.unit_price for one in folded.line_items] == prices
    assert {one.sku for one in folded.line_items} == {"MUG"}


def test_a_finer_step_leaves_no_remainder() -> None:
    body: dict[str, Any] = {
        "currency": "EUR",
        "line_items": [{"name": "Mug", "quantity": "4", "unit_price": "10.00"}],
        "discounts": [{"amount": "0.01"}],
    }
    folded = folding.discounts_in_prices(msgspec.convert(body, OrderPatch), Notes(), "It", Decimal("0.000001"))

    assert isinstance(folded.line_items, tuple)
    assert [one.unit_price for one in folded.line_items] == ["9.9975"]
