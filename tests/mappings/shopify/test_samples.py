"""What one of Shopify's own samples means, where they are at hand; see also tests/mappings/test_unwrap.py."""

from pathlib import Path

from mappings.shopify import VENDOR

from .conftest import MAPPINGS, SHOP, understood


def test_a_refund_is_the_sum_of_its_transactions(shared: Path) -> None:
    payload = (shared / "vendor-samples/shopify/order/get-order-2025-01.json").read_bytes()
    (raw,) = VENDOR.unwrap(payload, "order")

    order = understood(raw, MAPPINGS["order"], SHOP).data

    assert [refund.amount for refund in order.refunds] == ["209.00"]
    assert (order.totals.items, order.totals.discount, order.totals.total) == ("597.00", "10.00", "598.94")
    assert [line.refunded_quantity for line in order.line_items] == ["1", "0", "1"]
    assert (order.payment_status, order.fulfillment_status) == ("partially_refunded", "unfulfilled")
