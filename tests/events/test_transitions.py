"""What a change of a record means: the transitions between any two states of an order or a ticket."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.events.transitions import FirstSight, transitions
from app.events.types import BY_NAME_ONLY, EVENT_TYPES, TRANSITIONS, types_of, wildcard_of
from canonical.order import FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.ticket import STATUS_CATEGORY, TicketStatus

SET_UP = datetime(2026, 5, 1, tzinfo=UTC)
EARLIER, LATER = (SET_UP - timedelta(days=9)).isoformat(), (SET_UP + timedelta(hours=1)).isoformat()
PAID = ("paid", "partially_refunded", "refunded", "disputed")
FULFILLED = ("fulfilled", "shipped", "delivered")


def refund(remote_id: str, at: str | None = None) -> dict[str, Any]:
    return {"remote_id": remote_id, "amount": "1.00", "currency": "EUR", "created_at": at}


orders = st.fixed_dictionaries(
    {
        "status": st.sampled_from(get_args(OrderStatus)),
        "payment_status": st.sampled_from(get_args(PaymentStatus)),
        "fulfillment_status": st.sampled_from(get_args(FulfillmentStatus)),
        "cancelled_at": st.sampled_from([None, EARLIER]),
        "refunds": st.lists(st.sampled_from("abc"), unique=True).map(lambda ids: [refund(one) for one in ids]),
        "totals": st.sampled_from(["0.00", "1.00", "2.50"]).map(lambda sum: {"refunded": sum}),
    }
)
tickets = st.sampled_from(get_args(TicketStatus)).map(
    lambda status: {"status": status, "status_category": STATUS_CATEGORY[status]}
)


@given(before=orders, after=orders)
def test_an_order_is_paid_and_cancelled_once_and_refunded_for_each_refund(before: Any, after: Any) -> None:
    announced = transitions("order", before, after)

    assert ("order.paid" in announced) == (after["payment_status"] == "paid" and before["payment_status"] not in PAID)
    was, now = (one["status"] == "cancelled" or one["cancelled_at"] is not None for one in (before, after))
    assert ("order.cancelled" in announced) == (now and not was)
    known, listed = ({one["remote_id"] for one in order["refunds"]} for order in (before, after))
    if known or listed:
        assert announced.count("order.refunded") == len(listed - known)
    assert set(announced) <= set(TRANSITIONS)


@given(order=orders, ticket=tickets)
def test_a_state_has_no_transition_to_itself(order: Any, ticket: Any) -> None:
    assert transitions("order", order, order) == ()
    assert transitions("ticket", ticket, ticket) == ()


@given(states=st.lists(st.sampled_from(["unfulfilled", "partially_fulfilled", "fulfilled", "shipped", "delivered"])))
def test_an_order_is_fulfilled_once_on_its_way(states: list[str]) -> None:
    way = sorted(states, key=["unfulfilled", "partially_fulfilled", "fulfilled", "shipped", "delivered"].index)
    steps = [{"fulfillment_status": one} for one in ["unfulfilled", *way]]

    announced = [name for before, after in pairwise(steps) for name in transitions("order", before, after)]

    assert announced == ["order.fulfilled"] * bool(set(states) & set(FULFILLED))


@given(before=tickets, after=tickets)
def test_a_ticket_is_resolved_and_reopened(before: Any, after: Any) -> None:
    announced = transitions("ticket", before, after)

    over = ("resolved", "closed")
    assert ("ticket.resolved" in announced) == (after["status"] in over and before["status_category"] != "done")
    assert ("ticket.reopened" in announced) == (before["status"] in over and after["status_category"] != "done")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"totals": {"refunded": "0.00"}}, {"totals": {"refunded": "5.00"}}, 1),
        ({"totals": {"refunded": "5.00"}}, {"totals": {"refunded": "5.00"}}, 0),
        ({"payment_status": "paid"}, {"payment_status": "refunded"}, 1),
        ({"payment_status": "partially_refunded"}, {"payment_status": "refunded"}, 1),
    ],
)
def test_a_vendor_that_lists_no_refunds_shows_them_by_the_sum(before: Any, after: Any, expected: int) -> None:
    assert transitions("order", before, after).count("order.refunded") == expected


def paid_order(at: str | None) -> dict[str, Any]:
    parcel = [{"shipped_at": at}]
    return {
        "status": "cancelled",
        "payment_status": "paid",
        "fulfillment_status": "shipped",
        "paid_at": at,
        "cancelled_at": at,
        "refunds": [refund("a", at)],
        "fulfillments": parcel,
    }


@pytest.mark.parametrize(("at", "counts"), [(LATER, True), (EARLIER, False), (None, False)])
def test_at_first_sight_only_what_happened_since_the_setup_counts(at: str | None, counts: bool) -> None:
    first = FirstSight(since=SET_UP)
    every = ("order.paid", "order.cancelled", "order.refunded", "order.fulfilled")
    assert transitions("order", first, paid_order(at)) == (every if counts else ())
    resolved = {"status": "resolved", "status_category": "done", "resolved_at": at}
    assert transitions("ticket", first, resolved) == (("ticket.resolved",) if counts else ())


def test_at_first_sight_all_of_a_new_record_counts_and_what_we_wrote() -> None:
    new, written = FirstSight(is_new=True), FirstSight(written=("status",), since=SET_UP)
    assert transitions("order", new, paid_order(None)) == (
        *("order.paid", "order.cancelled", "order.refunded", "order.fulfilled"),
    )
    assert transitions("order", written, paid_order(None)) == ("order.cancelled",)


def test_a_refund_of_no_money_only_restocks() -> None:
    assert transitions("order", {"refunds": []}, {"refunds": [refund("a") | {"amount": "0.00"}]}) == ()


@pytest.mark.parametrize("name", TRANSITIONS)
def test_no_wildcard_matches_a_transition(name: str) -> None:
    assert wildcard_of(name) is None
    subject = name.partition(".")[0]
    assert name not in types_of(("*", f"{subject}.*"))
    assert types_of((name,)) == (name,)
    assert set(types_of(("*",))) == set(EVENT_TYPES) - BY_NAME_ONLY
