"""The sum of a new draft is what its body adds up to, before the taxes that Medusa adds by its own rates."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.totals import sum_of
from mappings.medusa.order_r1 import ORDER
from tests.mappings.drafts import on_the_wire, refused

from .conftest import ACCOUNT, encoded, parsed_golden

MONEY = st.integers(0, 20_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
PARTS: dict[str, Any] = {
    "line_items": st.lists(
        st.builds(
            LineItemPatch,
            name=st.just("Mug"),
            quantity=st.sampled_from(["1", "3", "7", "1.5"]),
            unit_price=MONEY | st.just("3.333"),
            tax=MONEY,
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    "discounts": st.lists(
        st.builds(DiscountPatch, type=st.sampled_from(["fixed", "shipping"]), amount=MONEY), max_size=2
    ).map(tuple),
    "shipping_lines": st.lists(st.builds(ShippingLinePatch, title=st.just("Post"), price=MONEY), max_size=2).map(tuple),
    "fees": st.lists(st.builds(FeePatch, name=st.just("Tip"), amount=MONEY), max_size=2).map(tuple),
}
PATCHES = st.builds(OrderPatch, currency=st.just("EUR"), **PARTS)


def sum_sent(patch: OrderPatch) -> Decimal | None:
    """What the body adds up to, as Medusa adds it; None if it is refused."""
    draft = ORDER.to_vendor(patch, None, ACCOUNT)
    if refused(draft).keys() & {"/discounts"}:
        return None
    body = on_the_wire(draft.body.body)
    items = sum((Decimal(one["unit_price"]) * Decimal(str(one["quantity"])) for one in body["items"]), Decimal(0))
    return items + sum((Decimal(one["amount"]) for one in body.get("shipping_methods", ())), Decimal(0))


@given(patch=PATCHES)
def test_prices_without_tax_add_up_to_the_sum_of_the_body(patch: OrderPatch) -> None:
    untaxed = replace(patch, line_items=tuple(replace(one, tax=None) for one in patch.line_items or ()))
    wanted, sent = sum_of(untaxed), sum_sent(patch)

    assert wanted is not None
    assert sent is None or abs(wanted.total - sent) < Decimal("0.000001")
    assert sent is not None or wanted.total < sum((Decimal(one.amount) for one in patch.fees or ()), Decimal(0))


def test_a_discount_finer_than_a_cent_leaves_its_rest_of_the_shipping() -> None:
    lines = (LineItemPatch(name="Mug", quantity="1", unit_price="3.333"),)
    shipping, off = (ShippingLinePatch(title="Post", price="0.01"),), (DiscountPatch(type="fixed", amount="3.34"),)

    assert sum_sent(OrderPatch(currency="EUR", line_items=lines, shipping_lines=shipping, discounts=off)) == Decimal(
        "0.003"
    )


def test_prices_with_tax_are_converted() -> None:
    lines = (
        LineItemPatch(name="Mug", quantity="2", unit_price="12.00", tax="4.00"),
        LineItemPatch(name="Engraving", quantity="3", unit_price="1.00", tax="0.50"),
    )
    shipping = (ShippingLinePatch(title="Post", price="6.00", tax="1.00"),)
    patch = OrderPatch(currency="EUR", line_items=lines, shipping_lines=shipping, tax_inclusive=True)

    assert sum_sent(patch) is not None
    assert abs((sum_sent(patch) or Decimal(0)) - Decimal("27.50")) < Decimal("0.000001")
    unknown = replace(patch, line_items=tuple(replace(one, tax=None) for one in lines), shipping_lines=UNSET)
    assert refused(ORDER.to_vendor(unknown, None, ACCOUNT))["/tax_inclusive"] == "unsupported"


def test_a_fee_is_a_line_that_reads_as_a_fee() -> None:
    patch = OrderPatch(currency="EUR", fees=(FeePatch(name="Tip", amount="3.00"),))
    (line,) = on_the_wire(ORDER.to_vendor(patch, None, ACCOUNT).body.body)["items"]
    record = parsed_golden("order-full")
    before = ORDER.read(encoded(record), ACCOUNT).data
    record["items"][0]["metadata"] = line["metadata"]
    after = ORDER.read(encoded(record), ACCOUNT).data

    fee, first = after.fees[0], before.line_items[0]
    gross = Decimal(first.quantity) * Decimal(first.unit_price)
    assert (fee.name, Decimal(fee.amount), fee.tax) == (first.name, gross, first.tax)
    assert (after.line_items, Decimal(after.totals.fees)) == (before.line_items[1:], gross)
    assert Decimal(before.totals.items) - Decimal(after.totals.items) == gross
