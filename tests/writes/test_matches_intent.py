"""A change whose reply was lost is recognised in the record, even if the vendor reports another time for it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.writes.matches_intent import matches_intent
from app.writes.models import Intent
from canonical.order import Order, Totals
from canonical.order_patch import OrderPatch

SUMS = Totals(
    **dict.fromkeys(
        ("items", "discount", "shipping", "fees", "tip", "tax", "total", "paid", "refunded", "outstanding"), "1.00"
    )
)
CANCEL = Intent(object="order", action="cancel", connection="shop", revision=1, instance="/v1/orders/1", body=b"{}")


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
    assert matches_intent(CANCEL, "cancel", OrderPatch, Order(currency="EUR", totals=SUMS, **fields)) is is_done


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
    intent = msgspec.structs.replace(CANCEL, action="update", body=msgspec.json.encode(sent))
    held = Order(currency="EUR", totals=SUMS, tags=("new", "vip"))
    assert matches_intent(intent, "update", OrderPatch, held) is is_done
