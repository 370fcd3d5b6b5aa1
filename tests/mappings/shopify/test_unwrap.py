"""Records found in whole answers, in webhook bodies and bare; everything else refused with its place."""

import json
from typing import Any

import pytest

from canonical.parts import ObjectName
from mappings.shopify import VENDOR

RECORD = {"id": "gid://shopify/Customer/1", "displayName": "Ann"}
ORDER = {"id": 1, "currency": "EUR", "total_price": "1.00"}


def unwrapped(payload: Any, object_name: ObjectName = "customer") -> list[Any]:
    """The records in a payload."""
    return [json.loads(bytes(raw)) for raw in VENDOR.unwrap(json.dumps(payload).encode(), object_name)]


@pytest.mark.parametrize(
    "payload",
    [
        RECORD,
        [RECORD],
        {"customer": RECORD},
        {"customers": [RECORD]},
        {"data": {"customer": RECORD}},
        {"data": {"customerByIdentifier": RECORD}, "extensions": {}},
        {"data": {"customers": {"nodes": [RECORD], "pageInfo": {}}}},
        {"data": {"customers": {"edges": [{"node": RECORD}]}}},
        {"data": {"customerCreate": {"customer": RECORD, "userErrors": []}}},
        {"data": {"metafieldsDelete": {"userErrors": []}, "customerUpdate": {"customer": RECORD, "userErrors": []}}},
    ],
)
def test_a_record_is_found_wherever_shopify_puts_it(payload: Any) -> None:
    assert unwrapped(payload) == [RECORD]


def test_an_order_with_a_customer_inside_is_an_order() -> None:
    assert unwrapped(ORDER | {"customer": {"id": 2}, "line_items": []}, "order") == [
        ORDER | {"customer": {"id": 2}, "line_items": []}
    ]
