"""Against Shopify's own material, where it is at hand: every recorded or documented body is understood or refused."""

from pathlib import Path

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.shopify import VENDOR
from mappings.spec import Unmappable
from tests.shared_material import sample_names

from .conftest import MAPPINGS, SHOP, understood

# What lies in the folder and holds no record of the object, and where that shows.
REFUSED = {
    "customer/create-customer-request.json": "$.customer.id",
    "customer/customer-addresses-go.json": "$.addresses",
    "draft_order/draft-order-2025-01.json": "$.draft_order",
    "graphql/access-denied-error-2026.json": "$.errors",
    "graphql/company-list-2025-01.json": "$.data",
    "graphql/graphql-shop-legacy.json": "$.shop",
    "graphql/order-cancel-ok-2025-10.json": "$.data",
    "graphql/user-errors-not-found.json": "$.data",
    "order/create-order-request-with-tax-lines-2024-10.json": "$.order.id",
    "order/create-order-with-addresses-request.json": "$.order.id",
    "order/transactions-go.json": "$.transactions",
    "order/update-order-request-note-attributes.json": "$.order.id",
    "refund/create-refund-request.json": "$.refund",
    "refund/create-refund-response.json": "$.refund",
    "refund/list-refunds-2024-10.json": "$.refunds",
    "webhook/cart_updated_payload.json": "$",
    "webhook_subscription/webhook-go.json": "$.webhook",
}
ADDS_UP = {
    "order/create-order-response-new-customer-2024-10.json",
    "order/create-order-response-with-tax-lines-2024-10.json",
    "order/get-order-2025-01.json",
    "order/list-orders-2024-10.json",
    "webhook/activepieces-new-cancelled-order-1.json",
    "webhook/activepieces-new-order-1.json",
}


@pytest.mark.parametrize("name", sample_names("shopify"))
def test_a_body_of_shopifys_is_understood_or_refused_with_the_place(name: str, shared: Path) -> None:
    payload = (shared / "vendor-samples/shopify" / name).read_bytes()
    object_name: ObjectName = "customer" if name.startswith("customer/") else "order"
    mapping = MAPPINGS[object_name]

    if name in REFUSED:
        with pytest.raises(Unmappable) as refusal:
            VENDOR.unwrap(payload, object_name)
        assert refusal.value.path == REFUSED[name]
        return
    mapped = [understood(raw, mapping, SHOP) for raw in VENDOR.unwrap(payload, object_name)]

    assert mapped
    for one in mapped:
        assert one.remote.id.isdecimal()
        text = msgspec.json.encode(one.data)
        assert msgspec.json.decode(text, type=mapping.model) == one.data
        if name in ADDS_UP:
            assert not [loss for loss in one.loss if loss.kind == "ambiguous"]


def test_a_refund_is_the_sum_of_its_transactions(shared: Path) -> None:
    payload = (shared / "vendor-samples/shopify/order/get-order-2025-01.json").read_bytes()
    (raw,) = VENDOR.unwrap(payload, "order")

    order = understood(raw, MAPPINGS["order"], SHOP).data

    assert [refund.amount for refund in order.refunds] == ["209.00"]
    assert (order.totals.items, order.totals.discount, order.totals.total) == ("597.00", "10.00", "598.94")
    assert [line.refunded_quantity for line in order.line_items] == ["1", "0", "1"]
    assert (order.payment_status, order.fulfillment_status) == ("partially_refunded", "unfulfilled")
