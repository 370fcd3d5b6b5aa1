"""What Stripe bills a customer for again and again."""

from datetime import datetime
from typing import Final

from canonical.customer import Subscription, SubscriptionStatus
from mappings.spec import Notes
from mappings.stripe import wire_2026_10_28 as wire
from mappings.stripe.reading import instant

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
    return tuple(_one(one) for one in subscriptions.data)


def _one(one: wire.Subscription) -> Subscription:
    ends = _period_end(one)
    return Subscription(
        remote_id=one.id,
        status="paused" if one.pause_collection is not None else STATUS.get(one.status, "unknown"),
        status_raw=one.status,
        plan=_plan(one),
        current_period_end=ends,
        cancel_at=instant(one.cancel_at) if one.cancel_at is not None else ends if one.cancel_at_period_end else None,
    )


def _period_end(one: wire.Subscription) -> datetime | None:
    """Since 2025-03-31 each item has a period of its own: what ends first has to be paid for next."""
    ends = [item.current_period_end for item in one.items.data if item.current_period_end is not None]
    return instant(min(ends, default=one.current_period_end))


def _plan(one: wire.Subscription) -> str | None:
    """What people call it, else the first price that has a name, else that price's id."""
    if one.description:
        return one.description
    prices = [item.price for item in one.items.data if item.price is not None]
    return next((price.nickname for price in prices if price.nickname), prices[0].id if prices else None)
