"""Bodies of new orders with lines, discounts, shipping, fees and taxes, for property tests of their sums."""

from decimal import Decimal

from hypothesis import strategies as st

from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, OrderPatch, ShippingLinePatch

AMOUNT = st.integers(0, 9999).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
LINES = st.builds(
    LineItemPatch,
    name=st.just("Mug"),
    sku=st.sampled_from([None, "MUG"]),
    quantity=st.one_of(st.integers(0, 9).map(str), st.just("1.5")),
    unit_price=st.one_of(AMOUNT, st.just("0.333")),
    tax=st.none() | AMOUNT,
)
BODIES = st.builds(
    OrderPatch,
    currency=st.just("EUR"),
    tax_inclusive=st.sampled_from([True, False, None]),
    line_items=st.lists(LINES, max_size=4).map(tuple),
    discounts=st.lists(st.builds(DiscountPatch, amount=AMOUNT), max_size=2).map(tuple),
    shipping_lines=st.lists(st.builds(ShippingLinePatch, price=AMOUNT, tax=st.none() | AMOUNT), max_size=3).map(tuple),
    fees=st.lists(st.builds(FeePatch, name=st.just("COD"), amount=AMOUNT, tax=st.none() | AMOUNT), max_size=2).map(
        tuple
    ),
)
