"""Records are found in what people have at hand; everything else is refused with a path."""

import json

import msgspec
import pytest

from mappings.medusa import VENDOR
from mappings.spec import Unmappable

from .conftest import parsed_golden


@pytest.mark.parametrize("name", ["order", "draft_order", "orders", "draft_orders"])
def test_an_order_in_each_envelope(name: str) -> None:
    record = parsed_golden("order-draft")
    payload = {name: [record, record] if name.endswith("s") else record, "count": 2}
    records = VENDOR.unwrap(json.dumps(payload).encode(), "order")
    assert [msgspec.json.decode(raw)["id"] for raw in records] == [record["id"]] * (2 if name.endswith("s") else 1)


def test_an_order_is_no_customer_and_tickets_there_are_none() -> None:
    with pytest.raises(Unmappable, match=r"cus_"):
        VENDOR.unwrap(json.dumps(parsed_golden("order-draft")).encode(), "customer")
    with pytest.raises(Unmappable, match="no tickets"):
        VENDOR.unwrap(b"{}", "ticket")
