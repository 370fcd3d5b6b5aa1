"""What Stripe bills a customer for again and again."""

from typing import Final

from canonical.customer import Subscription, SubscriptionStatus
from mappings.spec import Notes
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.field_values import instant

STATUS: Final[dict[str, SubscriptionStatus]] = {
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    # Given up collecting, while the subscription goes on.
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "canceled",
    "incomplete": "incomplete",
    # The first payment never came: it cannot come to life any more.
    "incomplete_expired": "canceled",
}


def read(subscriptions: wire.Subscriptions, notes: Notes) -> tuple[Subscription, ...]:
    """The subscriptions that came along. One whose collection is paused keeps its status at Stripe."""
    if subscriptions.has_more:
        notes.lose("/subscriptions", "truncated", f"only the first {len(subscriptions.data)} are read")
    return tuple(map(_one, subscriptions.data))


def _one(one: wire.Subscription) -> Subscription:
    """Since 2025-03-31 each item has a period of its own: what ends first has to be paid for next. A plan is what
    people call the subscription, else its first price that has a name, else the first price's id."""
    ends, named, first = one.current_period_end, one.description, None
    for item in one.items.data:
        if item.current_period_end is not None and (ends is None or item.current_period_end < ends):
            ends = item.current_period_end
        if item.price is not None:
            named, first = named or item.price.nickname, first or item.price.id
    until = None if ends is None else instant(ends)
    return Subscription(
        remote_id=one.id,
        status="paused" if one.pause_collection is not None else STATUS.get(one.status, "unknown"),
        status_raw=one.status,
        plan=named or first,
        current_period_end=until,
        cancel_at=instant(one.cancel_at) if one.cancel_at is not None else until if one.cancel_at_period_end else None,
    )
