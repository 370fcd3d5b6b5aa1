"""A new order adds up at its vendor to what the body adds up to, or the mapping says to what else."""

import dataclasses
from typing import Any

import pytest
from hypothesis import example, given

from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import sent_or as sent
from canonical.totals import ZERO, added, sum_of
from mappings.checks.golden import account_of
from mappings.kit.folding import amount_of
from mappings.registry import VENDORS, active
from tests.mappings.order_bodies import BODIES
from tests.required import required
from tests.shared_material import ROOT

SHOPS = [name for name, vendor in VENDORS.items() if active(vendor, "order") is not None]

LESS_TAX = OrderPatch(
    currency="EUR",
    line_items=(
        LineItemPatch(name="Mug", quantity="1", unit_price="3.00"),
        LineItemPatch(name="Returned", quantity="0", unit_price="-1.00", tax="-0.50"),
    ),
)
"""Its tax is negative."""
PARTS = ("line_items", "discounts", "shipping_lines", "fees")


@pytest.mark.parametrize("vendor", SHOPS)
@given(BODIES)
@example(patch=LESS_TAX)
def test_the_body_of_a_vendor_holds_the_sum(vendor: str, patch: OrderPatch) -> None:
    mapping, account = active(VENDORS[vendor], "order"), account_of(VENDORS[vendor], ROOT)
    assert mapping is not None
    draft: Any = mapping.to_vendor(patch, None, account)
    lost = {one.path for one in draft.loss if one.kind == "dropped"} | {one.pointer for one in draft.refused}
    if any(one.split("/")[1] in (*PARTS, "totals") for one in lost):
        return  # refused, or its guard judges the sum

    goods, off = (
        sum(map(amount_of, sent(patch.line_items, ())), ZERO),
        added(one.amount for one in sent(patch.discounts, ())),
    )
    if off > goods:
        return  # few vendors take more off than the goods cost: their sum is another one, and the order is refused

    total, wanted = required(mapping.total_of)(draft.body, account), sum_of(patch)
    assert wanted is not None
    if total is not None:
        assert wanted.is_about(total), (wanted, total)


@pytest.mark.parametrize("vendor", SHOPS)
@given(BODIES)
def test_a_loss_points_into_the_body(vendor: str, patch: OrderPatch) -> None:
    mapping, account = active(VENDORS[vendor], "order"), account_of(VENDORS[vendor], ROOT)
    assert mapping is not None
    draft = mapping.to_vendor(patch, None, account)
    folded = {f"{one.place}/unit_price" for one in draft.loss}  # the price that a fold made can be rounded
    for path in (one.path for one in draft.loss if one.path not in folded):
        _, name, *place = path.split("/")
        if place and name in PARTS:
            assert int(place[0]) < len(sent(getattr(patch, name), ())), path


@pytest.mark.parametrize("vendor", SHOPS)
def test_a_mapping_that_creates_orders_says_what_they_add_up_to(vendor: str) -> None:
    mapping = required(active(VENDORS[vendor], "order"))
    with pytest.raises(TypeError, match="total_of"):
        dataclasses.replace(mapping, total_of=None)
