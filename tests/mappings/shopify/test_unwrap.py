"""Records found in whole answers, in webhook bodies and bare; everything else refused with its place."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import ObjectName
from mappings.shopify import VENDOR
from mappings.spec import Unmappable

RECORD = {"id": "gid://shopify/Customer/1", "displayName": "Ann"}
ORDER = {"id": 1, "currency": "EUR", "total_price": "1.00"}


def found(payload: Any, object_name: ObjectName = "customer") -> list[Any]:
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
    assert found(payload) == [RECORD]


def test_an_order_with_a_customer_inside_is_an_order() -> None:
    assert found(ORDER | {"customer": {"id": 2}, "line_items": []}, "order") == [
        ORDER | {"customer": {"id": 2}, "line_items": []}
    ]


@pytest.mark.parametrize(
    ("payload", "object_name", "path"),
    [
        ({"errors": "Not Found"}, "customer", "$.errors"),
        ({"data": None, "errors": [{"message": "no"}]}, "order", "$.errors"),
        ({"data": {"customer": None}}, "customer", "$.data"),
        ({"data": {"companies": {"nodes": [RECORD]}}}, "customer", "$.data"),
        ({"data": {"orderCancel": {"job": {"id": "x"}, "userErrors": []}}}, "order", "$.data"),
        ({"refund": {"id": 1, "order_id": 2}}, "order", "$.refund"),
        ({"order": ORDER}, "customer", "$.order"),
        ({"id": 1}, "order", "$"),
        ({"id": 1, "admin_graphql_api_id": "gid://shopify/Order/1"}, "order", "$"),
        ({"customer": {"first_name": "Ann"}}, "customer", "$.customer.id"),
        ({"id": "c1", "token": "t", "line_items": [], "note": ""}, "order", "$"),
        ({"customers": {"id": 1}}, "customer", "$.customers"),
        (["x"], "customer", "$[0]"),
        ("x", "customer", "$"),
        (RECORD, "ticket", "$"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(payload: Any, object_name: ObjectName, path: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        found(payload, object_name)

    assert refusal.value.path == path


@given(st.binary(max_size=100))
def test_no_bytes_break_the_search(payload: bytes) -> None:
    records: tuple[Any, ...] = ()
    with contextlib.suppress(Unmappable):
        records = VENDOR.unwrap(payload, "order")

    assert all(b'"id"' in bytes(record) for record in records)
