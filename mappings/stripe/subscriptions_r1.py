"""Subscriptions of a customer, revision 1."""

from typing import Final

from canonical.customer import Subscription, SubscriptionStatus
from mappings.kit.times import from_seconds
from mappings.spec import Notes
from mappings.stripe import wire_2026_10_28 as wire

STATUS: Final[dict[str, SubscriptionStatus]] = {
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    # Stripe no longer collects, but the subscription goes on.
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "canceled",
    "incomplete": "incomplete",
    # The first payment failed. It can never become active.
    "incomplete_expired": "canceled",
}


def read(subscriptions: wire.Subscriptions, notes: Notes) -> tuple[Subscription, ...]:
    """Return the subscriptions. Stripe does not change the status of a subscription whose collection is paused."""
    if subscriptions.has_more:
        notes.lose("/subscriptions", "truncated", f"only the first {len(subscriptions.data)} are read")
    return tuple(map(_one, subscriptions.data))


def _one(one: wire.Subscription) -> Subscription:
    """Return a subscription. Since 2025-03-31 each item has its own period: the first one to end counts. The plan is
    the description, else the first nickname of a price, else the first price id. Before prices there were plans, at
    first one for the whole subscription."""
    ends, named, first = one.current_period_end, one.description, None
    if one.plan is not None and not one.items.data:
        named, first = named or one.plan.nickname, one.plan.id
    for item in one.items.data:
        if item.current_period_end is not None and (ends is None or item.current_period_end < ends):
            ends = item.current_period_end
        price = item.price or item.plan
        if price is not None:
            named, first = named or price.nickname, first or price.id
    until = from_seconds(ends)
    return Subscription(
        remote_id=one.id,
        status="paused" if one.pause_collection is not None else STATUS.get(one.status, "unknown"),
        status_raw=one.status,
        plan=named or first,
        current_period_end=until,
        cancel_at=from_seconds(one.cancel_at) or (until if one.cancel_at_period_end else None),
    )
