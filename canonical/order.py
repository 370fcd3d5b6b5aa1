"""Order as read: what was bought, by whom, what it cost, and how far payment and fulfilment have come."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.parts import Address, CustomField, Instant, Money, Quantity, Raw, ResourceMeta

SourceKind = Literal["order", "draft_order", "invoice", "checkout_session", "unknown"]
OrderStatus = Literal["draft", "open", "on_hold", "completed", "cancelled", "archived", "failed", "unknown"]
PaymentStatus = Literal[
    "unpaid",
    "pending",
    "authorized",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
    "failed",
    "expired",
    "disputed",
    "unknown",
]
FulfillmentStatus = Literal[
    "unfulfilled",
    "scheduled",
    "on_hold",
    "in_progress",
    "partially_fulfilled",
    "fulfilled",
    "shipped",
    "delivered",
    "returned",
    "partially_returned",
    "cancelled",
    "not_required",
    "unknown",
]
CancelReason = Literal["customer", "fraud", "inventory", "payment_declined", "staff", "other", "unknown"]
DiscountType = Literal["fixed", "percentage", "shipping", "other", "unknown"]
PaymentMethod = Literal[
    "card", "bank_transfer", "wallet", "cash", "cod", "bnpl", "gift_card", "store_credit", "other", "unknown"
]
PaymentKind = Literal["authorization", "capture", "sale", "refund", "void", "unknown"]
PaymentState = Literal["pending", "succeeded", "failed", "unknown"]
OrderChannel = Literal["online", "pos", "phone", "marketplace", "api", "draft", "other", "unknown"]


class Totals(Struct, frozen=True, kw_only=True):
    """The vendor's figures. items = Σ quantity × unit price before discounts;
    total = items - discount + shipping + fees + tip + (tax unless tax_inclusive); outstanding = total - paid."""

    items: Money
    discount: Money
    shipping: Money
    fees: Money
    tip: Money
    tax: Money
    total: Money
    paid: Money
    refunded: Money
    outstanding: Money


class OrderCustomer(Struct, frozen=True, kw_only=True):
    """Who bought, as known at purchase. `id` is the canonical customer where the vendor names its record."""

    id: str | None = None
    remote_id: str | None = None
    email: str | None = None
    phone: str | None = None
    name: str | None = None


class LineItem(Struct, frozen=True, kw_only=True):
    """One line of an order. `total` is after discounts, `discount` and `tax` are for the whole line."""

    remote_id: str
    product_remote_id: str | None = None
    variant_remote_id: str | None = None
    sku: str | None = None
    name: str
    quantity: Quantity
    unit_price: Money
    discount: Money
    tax: Money
    total: Money
    refunded_quantity: Quantity = "0"
    fulfilled_quantity: Quantity = "0"
    requires_shipping: bool | None = None
    taxable: bool | None = None
    custom_fields: tuple[CustomField, ...] = ()


class Discount(Struct, frozen=True, kw_only=True):
    """A discount on the order; `amount` is positive."""

    code: str | None = None
    label: str | None = None
    type: DiscountType = "unknown"
    type_raw: str | None = None
    amount: Money


class ShippingLine(Struct, frozen=True, kw_only=True):
    """One way of shipping that was charged."""

    title: str | None = None
    carrier: str | None = None
    price: Money
    tax: Money


class Payment(Struct, frozen=True, kw_only=True):
    """One movement of money, or the promise of one. An authorisation is not a payment."""

    remote_id: str
    gateway: str | None = None
    method: PaymentMethod = "unknown"
    method_raw: str | None = None
    kind: PaymentKind = "unknown"
    kind_raw: str | None = None
    status: PaymentState = "unknown"
    status_raw: str | None = None
    amount: Money
    currency: str
    processed_at: Instant | None = None
    last4: str | None = None


class RefundLine(Struct, frozen=True, kw_only=True):
    """How much of one order line was given back."""

    remote_id: str
    quantity: Quantity
    amount: Money


class Refund(Struct, frozen=True, kw_only=True):
    """Money given back; amounts are positive."""

    remote_id: str
    amount: Money
    currency: str
    reason: str | None = None
    line_items: tuple[RefundLine, ...] = ()
    created_at: Instant | None = None


class FulfillmentLine(Struct, frozen=True, kw_only=True):
    """How much of one order line a parcel holds."""

    remote_id: str
    quantity: Quantity


class Tracking(Struct, frozen=True, kw_only=True):
    """Where a parcel can be followed."""

    carrier: str | None = None
    number: str | None = None
    url: str | None = None


class Fulfillment(Struct, frozen=True, kw_only=True):
    """One parcel or hand-over."""

    remote_id: str
    status: FulfillmentStatus = "unknown"
    status_raw: str | None = None
    location: str | None = None
    line_items: tuple[FulfillmentLine, ...] = ()
    tracking: tuple[Tracking, ...] = ()
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None


class Order(Struct, frozen=True, kw_only=True):
    """An order as read. Amounts are in `currency` (the shop's), unless a field names its own."""

    id: Annotated[str, Meta(examples=["ord_0198f0a2b7c47d3c"])] | UnsetType = UNSET
    number: str | None = None
    source_kind: SourceKind = "unknown"
    source_kind_raw: str | None = None
    status: OrderStatus = "unknown"
    status_raw: str | None = None
    payment_status: PaymentStatus = "unknown"
    payment_status_raw: str | None = None
    fulfillment_status: FulfillmentStatus = "unknown"
    fulfillment_status_raw: str | None = None
    cancel_reason: CancelReason | None = None
    cancel_reason_raw: str | None = None
    cancelled_at: Instant | None = None
    currency: str
    presentment_currency: str | None = None
    totals: Totals
    tax_inclusive: bool | None = None
    customer: OrderCustomer | None = None
    is_guest: bool = False
    billing_address: Address | None = None
    shipping_address: Address | None = None
    line_items: tuple[LineItem, ...] = ()
    discounts: tuple[Discount, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fulfillments: tuple[Fulfillment, ...] = ()
    channel: OrderChannel = "unknown"
    channel_raw: str | None = None
    tags: tuple[str, ...] = ()
    customer_note: str | None = None
    internal_note: str | None = None
    external_id: str | None = None
    is_test: bool = False
    custom_fields: tuple[CustomField, ...] = ()
    placed_at: Instant | None = None
    paid_at: Instant | None = None
    closed_at: Instant | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    meta: ResourceMeta | UnsetType = UNSET
    raw: Raw | UnsetType = UNSET
