"""Records are found in what people have at hand; everything else is refused with a path."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.medusa import VENDOR
from mappings.spec import Unmappable

from .conftest import shown


@pytest.mark.parametrize("name", ["order", "draft_order", "orders", "draft_orders"])
def test_an_order_in_each_envelope(name: str) -> None:
    record = shown("order-draft")
    payload = {name: [record, record] if name.endswith("s") else record, "count": 2}
    found = VENDOR.unwrap(json.dumps(payload).encode(), "order")
    assert [msgspec.json.decode(raw)["id"] for raw in found] == [record["id"]] * (2 if name.endswith("s") else 1)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"type": "not_found", "message": "Order id not found"}, "$.message"),
        ({"id": "cus_1", "object": "customer", "deleted": True}, "$.deleted"),
        ({"order": {"id": "cus_1"}}, "$.order.id"),
        ({"order": {"id": 7}}, "$.order.id"),
        ({"order": 7}, "$.order"),
        ({"orders": [{"id": "order_1"}]}, "$.orders[0].currency_code"),
        ({"order": {"id": "order_1", "currency_code": "eur"}}, "$.order.item_subtotal"),
        ({"orders": [7]}, "$.orders[0]"),
        ({}, "$.id"),
        ([], "$"),
        ("no", "$"),
    ],
)
def test_what_is_no_order_is_refused_with_its_path(payload: object, path: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(json.dumps(payload).encode(), "order")
    assert refusal.value.path == path


def test_an_order_is_no_customer_and_tickets_there_are_none() -> None:
    with pytest.raises(Unmappable, match=r"cus_"):
        VENDOR.unwrap(json.dumps(shown("order-draft")).encode(), "customer")
    with pytest.raises(Unmappable, match="no tickets"):
        VENDOR.unwrap(b"{}", "ticket")


@given(payload=st.binary(max_size=100))
def test_junk_is_refused(payload: bytes) -> None:
    with pytest.raises(Unmappable):
        VENDOR.unwrap(payload, "order")
    with pytest.raises(Unmappable):
        VENDOR.unwrap(b"<html>" + payload, "customer")
