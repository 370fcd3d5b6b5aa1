"""Enum tables of orders: order, payment and fulfillment status. Medusa computes the last two for each reply
(`aggregate-status.js`)."""

from typing import Final

from canonical.order import FulfillmentStatus, OrderStatus, PaymentMethod
from canonical.order import PaymentStatus as Paid

STATUSES: Final[dict[str | None, OrderStatus]] = {
    "draft": "draft",
    "pending": "open",
    "requires_action": "on_hold",
    "completed": "completed",
    "canceled": "cancelled",
    "archived": "archived",
}
LISTED: Final[dict[str, str]] = {ours: theirs for theirs, ours in STATUSES.items() if theirs is not None}
"""Medusa's value for the filter by a canonical status."""
PAYMENTS: Final[dict[str | None, Paid]] = {
    "not_paid": "unpaid",
    "awaiting": "pending",
    "requires_action": "pending",
    "partially_authorized": "pending",
    "authorized": "authorized",
    "partially_captured": "partially_paid",
    "captured": "paid",
    "partially_refunded": "partially_refunded",
    "refunded": "refunded",
    "canceled": "voided",
}
FULFILLMENTS: Final[dict[str | None, FulfillmentStatus]] = {
    "not_fulfilled": "unfulfilled",
    "partially_fulfilled": "partially_fulfilled",
    "fulfilled": "fulfilled",
    "partially_shipped": "partially_fulfilled",
    "shipped": "shipped",
    "partially_delivered": "partially_fulfilled",
    "delivered": "delivered",
    "partially_returned": "partially_returned",
    "returned": "returned",
    "canceled": "cancelled",
}
PARTS_ON_THE_WAY: Final = frozenset({"partially_shipped", "partially_delivered"})
"""Values that are more precise than the canonical ones."""
METHODS: Final[dict[str, PaymentMethod]] = {
    "pp_system_default": "other",
    "pp_stripe_stripe": "card",
    "pp_stripe-bancontact_stripe": "bank_transfer",
    "pp_stripe-blik_stripe": "bank_transfer",
    "pp_stripe-giropay_stripe": "bank_transfer",
    "pp_stripe-ideal_stripe": "bank_transfer",
    "pp_stripe-przelewy24_stripe": "bank_transfer",
    "pp_stripe-promptpay_stripe": "wallet",
    "pp_paypal_paypal": "wallet",
}
"""Providers of Medusa's own plugins. `pp_system_default` needs no plugin: the shop handles the payment itself."""
STEPS: Final[dict[OrderStatus, str]] = {
    "open": "/convert-to-order",
    "completed": "/complete",
    "archived": "/archive",
}
"""The path that moves an order to this status. To cancel is a separate action."""
