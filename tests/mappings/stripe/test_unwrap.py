"""Records are found in lists; what a recorded customer means. See also tests/mappings/test_unwrap.py."""

from pathlib import Path

import msgspec

from mappings.stripe import VENDOR

from .conftest import MAPPINGS, golden, understood


def test_the_subscriptions_of_a_recorded_customer_are_read(shared: Path) -> None:
    sample = "customer/customer-with-sources-and-subscription-2019.json"
    (mapped,) = understood((shared / "vendor-samples/stripe" / sample).read_bytes(), MAPPINGS["customer"])
    assert [one.status for one in mapped.data.subscriptions] == ["active", "active"]
    assert [one.plan for one in mapped.data.subscriptions] == ["New plan name", "New plan name"]


def test_a_list_of_one_kind_holds_none_of_another() -> None:
    page = msgspec.json.encode({"object": "list", "data": [msgspec.Raw(golden("customer-full"))], "has_more": False})
    assert len(VENDOR.unwrap(page, "customer")) == 1
    assert VENDOR.unwrap(page, "order") == ()
