"""The nearest values: which there are, and which there must never be."""

from typing import Any, get_args

import pytest

from canonical.customer import ConsentState, LifecycleStage, PhoneType, TaxExemption
from canonical.order import DiscountType, FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.ticket import TicketChannel, TicketPriority, TicketStatus, TicketType
from mappings.kit import nearest

TABLES: list[tuple[Any, Any]] = [
    (nearest.LIFECYCLE, LifecycleStage),
    (nearest.PHONE, PhoneType),
    (nearest.TAX_EXEMPTION, TaxExemption),
    (nearest.CONSENT, ConsentState),
    (nearest.ORDER_STATUS, OrderStatus),
    (nearest.PAYMENT_STATUS, PaymentStatus),
    (nearest.FULFILLMENT_STATUS, FulfillmentStatus),
    (nearest.DISCOUNT, DiscountType),
    (nearest.TICKET_STATUS, TicketStatus),
    (nearest.PRIORITY, TicketPriority),
    (nearest.TICKET_TYPE, TicketType),
    (nearest.CHANNEL, TicketChannel),
]


@pytest.mark.parametrize(("table", "values"), TABLES)
def test_near_values_are_other_values_of_the_same_enum(table: dict[str, tuple[str, ...]], values: Any) -> None:
    for value, near in table.items():
        assert {value, *near} <= set(get_args(values))
        assert value not in near
        assert len(near) == len(set(near)) > 0


def test_no_near_value_means_more_than_the_one_that_was_sent() -> None:
    assert all("opted_in" not in near and "pending" not in near for near in nearest.CONSENT.values())
    assert not {"spam", "deleted", "unknown"} & nearest.TICKET_STATUS.keys()
    assert not {"draft", "on_hold", "cancelled", "failed", "unknown"} & nearest.ORDER_STATUS.keys()
    assert not {"paid", "refunded", "disputed", "unknown"} & nearest.PAYMENT_STATUS.keys()
    # Only money that came is called paid.
    assert [status for status, near in nearest.PAYMENT_STATUS.items() if "paid" in near] == ["partially_refunded"]
