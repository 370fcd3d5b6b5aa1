"""Order as read: what was bought, by whom, what it cost, and the states of payment and fulfilment."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

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
    """The vendor's figures. items = Σ quantity * unit price before discounts;
    total = items - discount + shipping + fees + tip + (tax unless tax_inclusive); outstanding = total - paid, or zero
    where the order is cancelled or void."""

    items: Money
    """The lines before discounts: Σ quantity * unit price. Example: `"39.80"`"""
    discount: Money
    """What was taken off, as a positive amount. Example: `"4.00"`"""
    shipping: Money
    """What shipping costs. Example: `"5.00"`"""
    fees: Money
    """Charges beside goods and shipping, such as for payment on delivery. Example: `"0.00"`"""
    tip: Money
    """What was given on top. Example: `"0.00"`"""
    tax: Money
    """All taxes, whether they are in the prices or come on top. Example: `"6.51"`"""
    total: Money
    """What the buyer owes for the whole order. Example: `"40.80"`"""
    paid: Money
    """Money received so far; an authorisation does not count. Example: `"40.80"`"""
    refunded: Money
    """Money given back so far, as a positive amount. Example: `"0.00"`"""
    outstanding: Money
    """What is still to be paid: total - paid, or zero where the order is cancelled or void. Example: `"0.00"`"""


class OrderCustomer(Struct, frozen=True, kw_only=True):
    """Who bought, as known at purchase. `id` is the canonical customer where the vendor names its record."""

    id: str | None = None
    """Canonical id, where the vendor names its record. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    remote_id: str | None = None
    """The vendor's id of its customer; null for a guest. Example: `"1051"`"""
    email: str | None = None
    """The address given at purchase, in lower case. Example: `"ann@example.com"`"""
    phone: str | None = None
    """The number given at purchase. Example: `"+441174960123"`"""
    name: str | None = None
    """The name given at purchase. Example: `"Ann Lee"`"""


class LineOption(Struct, frozen=True, kw_only=True):
    """One thing that was chosen or asked for with a line: a size, a colour, an engraving."""

    name: str
    """What was chosen, as people see it. Example: `"Engraving"`"""
    value: str
    """The choice, as text. Example: `"For Ann"`"""


class LineItem(Struct, frozen=True, kw_only=True):
    """One line of an order. `total` is after discounts, `discount` and `tax` are for the whole line."""

    remote_id: str
    """The vendor's id of the line; refunds and fulfilments name it. Example: `"466157049"`"""
    product_remote_id: str | None = None
    """The vendor's id of the product. Example: `"632910392"`"""
    variant_remote_id: str | None = None
    """The vendor's id of the variant: colour, size. Example: `"49148385"`"""
    sku: str | None = None
    """Stock-keeping unit, the merchant's own article number. Example: `"MUG-BLUE"`"""
    name: str
    """What was bought, as the buyer saw it. Example: `"Mug, blue"`"""
    options: tuple[LineOption, ...] = ()
    """What was chosen or asked for with it, in the vendor's order; a name may stand there twice."""
    quantity: Quantity
    """How many were ordered."""
    unit_price: Money
    """Price of one before discounts; it may have more digits than the currency."""
    discount: Money
    """What was taken off the whole line, as a positive amount. Example: `"4.00"`"""
    tax: Money
    """Tax on the whole line. Example: `"5.72"`"""
    total: Money
    """The line after discounts: quantity * unit price - discount. Example: `"35.80"`"""
    refunded_quantity: Quantity = "0"
    """How many were given back. Example: `"0"`"""
    fulfilled_quantity: Quantity = "0"
    """How many have left the house."""
    requires_shipping: bool | None = None
    """Whether the goods have to be sent; null where the vendor does not tell. Example: `true`"""
    taxable: bool | None = None
    """Whether tax is charged on the line; null where the vendor does not tell. Example: `true`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties of the line that the connection's configuration names."""


class Discount(Struct, frozen=True, kw_only=True):
    """A discount on the order; `amount` is positive."""

    code: str | None = None
    """The code that the buyer entered. Example: `"SPRING"`"""
    label: str | None = None
    """What people call the discount. Example: `"Spring sale"`"""
    type: DiscountType = "unknown"
    """How the discount was worked out."""
    type_raw: str | None = None
    """The vendor's own word for `type`. Example: `"fixed_amount"`"""
    amount: Money
    """What it takes off, as a positive amount. Example: `"4.00"`"""


class ShippingLine(Struct, frozen=True, kw_only=True):
    """One way of shipping that was charged."""

    title: str | None = None
    """What the buyer chose. Example: `"Standard parcel"`"""
    carrier: str | None = None
    """Who carries it. Example: `"Royal Mail"`"""
    price: Money
    """What it costs before tax that comes on top. Example: `"5.00"`"""
    tax: Money
    """Tax on it. Example: `"0.79"`"""


class Payment(Struct, frozen=True, kw_only=True):
    """One movement of money, or the promise of one. An authorisation is not a payment."""

    remote_id: str
    """The vendor's id of the movement. Example: `"389404469"`"""
    gateway: str | None = None
    """The payment service in between. Example: `"stripe"`"""
    method: PaymentMethod = "unknown"
    """What was paid with. Example: `"card"`"""
    method_raw: str | None = None
    """The vendor's own word for `method`. Example: `"credit_card"`"""
    kind: PaymentKind = "unknown"
    """What the movement is; money moves on `capture`, `sale` and `refund` only. Example: `"sale"`"""
    kind_raw: str | None = None
    """The vendor's own word for `kind`. Example: `"SALE"`"""
    status: PaymentState = "unknown"
    """How it went. Example: `"succeeded"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"SUCCESS"`"""
    amount: Money
    """How much, as a positive amount in `currency`. Example: `"40.80"`"""
    currency: str
    """ISO 4217 code of `amount`. Example: `"EUR"`"""
    processed_at: Instant | None = None
    """When the payment service dealt with it."""
    last4: str | None = None
    """The last four digits of the card or account. Example: `"4242"`"""


class RefundLine(Struct, frozen=True, kw_only=True):
    """How much of one order line was given back."""

    remote_id: str
    """The order line that was given back. Example: `"466157049"`"""
    quantity: Quantity
    """How many of it. Example: `"1"`"""
    amount: Money
    """Money for them, as a positive amount."""


class Refund(Struct, frozen=True, kw_only=True):
    """Money given back; amounts are positive."""

    remote_id: str
    """The vendor's id of the refund. Example: `"509562969"`"""
    amount: Money
    """Money given back, as a positive amount in `currency`."""
    currency: str
    """ISO 4217 code of `amount`. Example: `"EUR"`"""
    reason: str | None = None
    """Why, in the words of whoever gave it back. Example: `"Chipped on arrival"`"""
    line_items: tuple[RefundLine, ...] = ()
    """Which lines it is for; empty for money without goods."""
    created_at: Instant | None = None
    """When the refund was made."""


class FulfillmentLine(Struct, frozen=True, kw_only=True):
    """How much of one order line a parcel holds."""

    remote_id: str
    """The order line that is in the parcel. Example: `"466157049"`"""
    quantity: Quantity
    """How many of it."""


class Tracking(Struct, frozen=True, kw_only=True):
    """Where a parcel can be followed."""

    carrier: str | None = None
    """Who carries the parcel. Example: `"Royal Mail"`"""
    number: str | None = None
    """The carrier's number of the parcel. Example: `"AB123456789GB"`"""
    url: str | None = None
    """The page that follows it. Example: `"https://track.example/AB123456789GB"`"""


class Fulfillment(Struct, frozen=True, kw_only=True):
    """One parcel or hand-over."""

    remote_id: str
    """The vendor's id of the parcel or hand-over. Example: `"255858046"`"""
    status: FulfillmentStatus = "unknown"
    """How far it has come, in the words of `fulfillment_status`. Example: `"shipped"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"IN_TRANSIT"`"""
    location: str | None = None
    """Where it leaves from. Example: `"Bristol warehouse"`"""
    line_items: tuple[FulfillmentLine, ...] = ()
    """Which lines it holds, and how many of each."""
    tracking: tuple[Tracking, ...] = ()
    """Where it can be followed; several where a parcel has several numbers."""
    shipped_at: Instant | None = None
    """When it left."""
    delivered_at: Instant | None = None
    """When it arrived. Example: `"2026-05-04T11:20:00Z"`"""


class Order(Struct, frozen=True, kw_only=True):
    """An order as read. Amounts are in `currency` (the shop's), unless a field names its own."""

    id: str | UnsetType = UNSET
    """Canonical id, stable for ever. Example: `"ord_0198f0a2b7c47d3c9a51f2e80b6c4d18"`"""
    number: str | None = None
    """What people call the order; unique only as far as the vendor keeps it so. Example: `"#1001"`"""
    source_kind: SourceKind = "unknown"
    """Which of the vendor's objects this is; read-only."""
    source_kind_raw: str | None = None
    """The vendor's own word for `source_kind`. Example: `"Order"`"""
    status: OrderStatus = "unknown"
    """Where the order is in its life, whatever was paid or sent. Example: `"open"`"""
    status_raw: str | None = None
    """The vendor's own word for `status`. Example: `"OPEN"`"""
    payment_status: PaymentStatus = "unknown"
    """How far payment has come; authorised is never paid. Example: `"paid"`"""
    payment_status_raw: str | None = None
    """The vendor's own word for `payment_status`. Example: `"PAID"`"""
    fulfillment_status: FulfillmentStatus = "unknown"
    """How far the goods have come. Example: `"shipped"`"""
    fulfillment_status_raw: str | None = None
    """The vendor's own word for `fulfillment_status`. Example: `"FULFILLED"`"""
    cancel_reason: CancelReason | None = None
    """Why it was cancelled; null for an order that was not."""
    cancel_reason_raw: str | None = None
    """The vendor's own word for `cancel_reason`. Example: `"CUSTOMER"`"""
    cancelled_at: Instant | None = None
    """When it was cancelled; null for an order that was not."""
    currency: str
    """The shop's currency, in which all amounts are, ISO 4217. Example: `"EUR"`"""
    presentment_currency: str | None = None
    """The currency that the buyer saw, ISO 4217. Example: `"EUR"`"""
    totals: Totals
    """What the order costs and how much of it is paid; read-only."""
    tax_inclusive: bool | None = None
    """Whether prices hold the tax already; null where the vendor does not tell. Example: `true`"""
    customer: OrderCustomer | None = None
    """Who bought, as known at purchase; null where nobody was named."""
    is_guest: bool = False
    """Whether the buyer has no customer record at the vendor; read-only. Example: `false`"""
    billing_address: Address | None = None
    """Where the invoice goes, as given at purchase."""
    shipping_address: Address | None = None
    """Where the goods go, as given at purchase."""
    line_items: tuple[LineItem, ...] = ()
    """What was bought, one entry a line."""
    discounts: tuple[Discount, ...] = ()
    """What was taken off the order as a whole and its lines."""
    shipping_lines: tuple[ShippingLine, ...] = ()
    """Which ways of shipping were charged."""
    payments: tuple[Payment, ...] = ()
    """Every movement of money and every promise of one; read-only."""
    refunds: tuple[Refund, ...] = ()
    """Money given back; read-only."""
    fulfillments: tuple[Fulfillment, ...] = ()
    """Parcels and hand-overs; read-only."""
    channel: OrderChannel = "unknown"
    """Where the order was placed; read-only."""
    channel_raw: str | None = None
    """The vendor's own word for `channel`. Example: `"web"`"""
    tags: tuple[str, ...] = ()
    """Words that people sort by; their order means nothing. Example: `["gift"]`"""
    customer_note: str | None = None
    """What the buyer wrote. Example: `"Please ring twice"`"""
    internal_note: str | None = None
    """What colleagues wrote; the buyer does not see it. Example: `"Check the glaze before packing"`"""
    external_id: str | None = None
    """The caller's own key, unique at the vendor where it has a place for one. Example: `"web-88213"`"""
    is_test: bool = False
    """Whether it was placed to try the shop out; no money moved. Example: `false`"""
    custom_fields: tuple[CustomField, ...] = ()
    """Vendor properties that the connection's configuration names."""
    placed_at: Instant | None = None
    """When the buyer placed it."""
    paid_at: Instant | None = None
    """When the last payment completed it. Example: `"2026-05-01T09:31:00Z"`"""
    closed_at: Instant | None = None
    """When nothing was left to do. Example: `"2026-05-04T11:20:00Z"`"""
    created_at: Instant | None = None
    """When the vendor made the record; read-only."""
    updated_at: Instant | None = None
    """When the record last changed at the vendor; read-only. Example: `"2026-05-04T11:20:00Z"`"""
    meta: ResourceMeta | UnsetType = UNSET
    """Where this came from and what was lost on the way."""
    raw: Raw | UnsetType = UNSET
    """The vendor's own payload, under `?include=raw` only. Example: `{"name": "#1001"}`"""
