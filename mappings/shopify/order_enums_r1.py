"""Enum tables of orders and their parts.

Keys are GraphQL's, in upper case. Webhooks send most of the same values in lower case; they are looked up in upper
case. A value that is not in a table is `unknown`, with Shopify's value as the raw one.
"""

from typing import Final

from canonical.order import (
    CancelReason,
    FulfillmentStatus,
    OrderChannel,
    PaymentKind,
    PaymentMethod,
    PaymentState,
    PaymentStatus,
)

PAYMENT_STATUS: Final[dict[str, PaymentStatus]] = {
    "PENDING": "pending",
    "AUTHORIZED": "authorized",
    "PARTIALLY_PAID": "partially_paid",
    "PAID": "paid",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "REFUNDED": "refunded",
    "VOIDED": "voided",
    "EXPIRED": "expired",
}
FULFILLMENT_STATUS: Final[dict[str, FulfillmentStatus]] = {
    "UNFULFILLED": "unfulfilled",
    "OPEN": "unfulfilled",  # the older value
    "REQUEST_DECLINED": "unfulfilled",
    "SCHEDULED": "scheduled",
    "ON_HOLD": "on_hold",
    "IN_PROGRESS": "in_progress",
    "PENDING_FULFILLMENT": "in_progress",
    "PARTIALLY_FULFILLED": "partially_fulfilled",
    "PARTIAL": "partially_fulfilled",  # webhooks
    "FULFILLED": "fulfilled",
    "RESTOCKED": "cancelled",  # all goods were restocked and the order was cancelled
}
CANCEL_REASON: Final[dict[str, CancelReason]] = {
    "CUSTOMER": "customer",
    "DECLINED": "payment_declined",
    "FRAUD": "fraud",
    "INVENTORY": "inventory",
    "OTHER": "other",
    "STAFF": "staff",
}
WRITE_CANCEL_REASON: Final[dict[CancelReason, str]] = {
    "customer": "CUSTOMER",
    "payment_declined": "DECLINED",
    "fraud": "FRAUD",
    "inventory": "INVENTORY",
    "other": "OTHER",
    "staff": "STAFF",
}
CHANNEL: Final[dict[str, OrderChannel]] = {
    "web": "online",
    "mobile_app": "online",
    "pos": "pos",
    "shopify_draft_order": "draft",
    "iphone": "other",  # Shopify's apps for merchants, in person or not
    "android": "other",
    "subscription_contract": "other",
}
PAYMENT_KIND: Final[dict[str, PaymentKind]] = {
    "AUTHORIZATION": "authorization",
    "EMV_AUTHORIZATION": "authorization",
    "CAPTURE": "capture",
    "SALE": "sale",
    "REFUND": "refund",
    "CHANGE": "refund",  # cash returned at the till
    "VOID": "void",
}
PAYMENT_STATE: Final[dict[str, PaymentState]] = {
    "SUCCESS": "succeeded",
    "PENDING": "pending",
    "AWAITING_RESPONSE": "pending",
    "FAILURE": "failed",
    "ERROR": "failed",
}
PAYMENT_DETAILS: Final[dict[str, PaymentMethod]] = {
    "CardPaymentDetails": "card",
    "PaypalWalletPaymentDetails": "wallet",
    "ShopPayInstallmentsPaymentDetails": "bnpl",
    "LocalPaymentMethodsPaymentDetails": "other",
}
GATEWAY: Final[dict[str, PaymentMethod]] = {
    "cash": "cash",
    "gift_card": "gift_card",
    "shopify_store_credit": "store_credit",
    "store_credit": "store_credit",
    "cash on delivery (cod)": "cod",
    "bank deposit": "bank_transfer",
    "money order": "other",
    "paypal": "wallet",
}
PARCEL_STATUS: Final[dict[str, FulfillmentStatus]] = {
    "LABEL_PURCHASED": "in_progress",
    "LABEL_PRINTED": "in_progress",
    "CONFIRMED": "in_progress",
    "SUBMITTED": "in_progress",
    "READY_FOR_PICKUP": "in_progress",
    "OPEN": "in_progress",
    "PENDING": "in_progress",
    "FULFILLED": "fulfilled",
    "MARKED_AS_FULFILLED": "fulfilled",
    "SUCCESS": "fulfilled",
    "CARRIER_PICKED_UP": "shipped",
    "IN_TRANSIT": "shipped",
    "OUT_FOR_DELIVERY": "shipped",
    "ATTEMPTED_DELIVERY": "shipped",
    "DELAYED": "shipped",
    "DELIVERED": "delivered",
    "PICKED_UP": "delivered",
    "CANCELED": "cancelled",
    "CANCELLED": "cancelled",
}
"""FAILURE, ERROR, NOT_DELIVERED and LABEL_VOIDED have no canonical value: a failed parcel is `unknown`."""
PAID: Final[frozenset[PaymentStatus]] = frozenset({"paid", "partially_refunded", "refunded"})
"""States that an order reaches only after full payment."""
