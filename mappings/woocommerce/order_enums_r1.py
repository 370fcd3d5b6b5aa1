"""Enum tables of orders. WooCommerce has one status for order, payment and fulfillment.

Documented: WooCommerce, "Order statuses". Keys have no prefix `wc-`, which only the database and some plugins write.
"""

from typing import Final, NamedTuple

from canonical.order import CancelReason, DiscountType, FulfillmentStatus, OrderChannel, OrderStatus, PaymentMethod
from canonical.order import PaymentStatus as Paid

PREFIX: Final = "wc-"


class Axes(NamedTuple):
    """The canonical statuses of an order without a recorded payment."""

    status: OrderStatus
    payment: Paid
    fulfillment: FulfillmentStatus


STATUSES: Final[dict[str, Axes]] = {
    "pending": Axes("open", "unpaid", "unfulfilled"),
    "processing": Axes("open", "paid", "unfulfilled"),
    "on-hold": Axes("on_hold", "pending", "unfulfilled"),
    "completed": Axes("completed", "paid", "fulfilled"),
    "cancelled": Axes("cancelled", "unpaid", "cancelled"),
    "failed": Axes("failed", "failed", "unfulfilled"),
    "refunded": Axes("completed", "refunded", "unknown"),
    "draft": Axes("draft", "unpaid", "unfulfilled"),
    "checkout-draft": Axes("draft", "unpaid", "unfulfilled"),
    "auto-draft": Axes("draft", "unpaid", "unfulfilled"),
    "trash": Axes("archived", "unknown", "unknown"),
}
NOT_KNOWN: Final = Axes("unknown", "unknown", "unknown")
"""The axes of statuses that shops and plugins define."""
WRITABLE: Final = ("pending", "processing", "on-hold", "completed", "cancelled", "failed")
"""Not written: the shop deletes drafts within a day, an update cannot move an order to the trash, and `refunded` would
record a refund without returning money."""
LISTED: Final[dict[str, tuple[str, ...]]] = {
    "open": ("pending", "processing"),
    "on_hold": ("on-hold",),
    "completed": ("completed", "refunded"),
    "cancelled": ("cancelled",),
    "failed": ("failed",),
    "draft": ("checkout-draft",),
    "archived": ("trash",),
}
"""The statuses to list by for each canonical status. Shops without the block checkout have no drafts."""
METHODS: Final[dict[str, PaymentMethod]] = {
    "bacs": "bank_transfer",
    "cheque": "other",
    "cod": "cod",
    "paypal": "wallet",
    "ppcp-gateway": "wallet",
    "ppcp-credit-card-gateway": "card",
    "stripe": "card",
    "stripe_sepa": "bank_transfer",
    "woocommerce_payments": "card",
    "square_credit_card": "card",
    "klarna_payments": "bnpl",
    "kco": "bnpl",
    "afterpay": "bnpl",
    "amazon_payments_advanced": "wallet",
    "pos_cash": "cash",
    "pos_card": "card",
}
"""Payment gateways of WooCommerce and its own plugins."""
CHANNELS: Final[dict[str, OrderChannel]] = {
    "checkout": "online",
    "store-api": "online",
    "rest-api": "api",
    "admin": "other",
    "subscription": "other",
    "pos-rest-api": "pos",
}
DISCOUNTS: Final[dict[str, DiscountType]] = {
    "percent": "percentage",
    "fixed_cart": "fixed",
    "fixed_product": "fixed",
}
CANCEL_REASONS: Final[dict[str, CancelReason]] = {
    "customer": "customer",
    "fraud": "fraud",
    "inventory": "inventory",
    "payment_declined": "payment_declined",
    "staff": "staff",
    "other": "other",
}
"""Canonical reasons, stored in the meta of an order that Lockstitch cancelled."""


_NOT_KNOWN_PAID: Final = NOT_KNOWN._replace(payment="paid")
_ON_DELIVERY: Final = STATUSES | {"processing": STATUSES["processing"]._replace(payment="pending")}
"""Goods ship before payment: WooCommerce records a cash payment once the order is completed
(WC_Gateway_COD, change_payment_complete_order_status)."""
_PAID: Final = {
    status: reading if reading.payment == "refunded" else reading._replace(payment="paid")
    for status, reading in STATUSES.items()
}


def axes(status: str, *, is_paid: bool, method: str = "") -> Axes:
    """Return the canonical statuses for a status and a payment method. A recorded payment counts even if
    the order changed afterwards."""
    table = _PAID if is_paid else _ON_DELIVERY if METHODS.get(method) == "cod" else STATUSES
    return table.get(status) or table.get(status.removeprefix(PREFIX), _NOT_KNOWN_PAID if is_paid else NOT_KNOWN)
