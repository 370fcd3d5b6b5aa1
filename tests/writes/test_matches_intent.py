"""A change whose reply was lost is recognised in the record, even if the vendor reports another time for it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.writes.find_lost import has_reached, matches_patch
from canonical.customer import Customer, CustomerPatch
from canonical.order import Order, Totals
from canonical.order_patch import OrderPatch

SUMS = Totals(
    **dict.fromkeys(
        ("items", "discount", "shipping", "fees", "tip", "tax", "total", "paid", "refunded", "outstanding"), "1.00"
    )
)


@pytest.mark.parametrize(
    ("fields", "is_done"),
    [
        ({"status": "open"}, False),
        ({"status": "completed"}, False),
        ({"status": "open", "cancelled_at": datetime(2026, 5, 1, tzinfo=UTC)}, True),
        # Of a checkout that was ended Stripe tells no time.
        ({"status": "cancelled"}, True),
    ],
)
def test_a_cancelled_order_is_known_by_its_status_or_its_time(fields: dict[str, Any], is_done: bool) -> None:
    assert has_reached("cancel", Order(currency="EUR", totals=SUMS, **fields)) is is_done


@pytest.mark.parametrize(
    ("sent", "is_done"),
    [
        ({"tags": ["vip", "new"]}, True),
        ({"tags": ["vip"]}, False),
        ({"discounts": []}, True),
        ({"tags": []}, False),
        ({"tags": None}, False),
    ],
)
def test_a_list_is_compared_too(sent: dict[str, Any], is_done: bool) -> None:
    stored = Order(currency="EUR", totals=SUMS, tags=("new", "vip"))
    assert matches_patch(msgspec.convert(sent, OrderPatch), stored) is is_done


@pytest.mark.parametrize("name", ["first_name", "last_name", "company_name", "notes"])
def test_a_change_of_case_is_a_change(name: str) -> None:
    patch = msgspec.convert({name: "MacDonald"}, CustomerPatch)
    assert not matches_patch(patch, msgspec.convert({name: "macdonald"}, Customer))
    assert matches_patch(patch, msgspec.convert({name: "MacDonald"}, Customer))
